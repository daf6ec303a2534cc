"""What runs Streamgauge and its neighbours."""
