"""What a browser, Prometheus and Kubernetes ask for over HTTP."""
