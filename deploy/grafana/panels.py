"""What the dashboards show: each panel with its title, description, unit and queries.

``OF`` stands for the selector of job and instance, which every query has, and ``RATE`` for the time
that rates are over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

DRIFTS = 'streamgauge_drifts_total{OF,level="drift"}'
WIDE, HALF, THIRD, QUARTER = 24, 12, 8, 6  # of 24 columns


@dataclass(frozen=True)
class Panel:
    """One panel: queries with their legends, and how it looks.

    Attributes
    ----------
    queries
        PromQL and legend.
    unit
        As Grafana calls it.
    number
        One large number in place of lines.
    limits
        Colours from these values on, for a number.
    """

    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    width: int = HALF
    number: bool = False
    log: bool = False
    limits: Sequence[tuple[float | None, str]] = field(default_factory=list)


OVERVIEW = [
    (
        "At a glance",
        [
            Panel(
                "Alive",
                "1 while Prometheus gets an answer from the worker.",
                "none",
                [("up{OF}", "{{instance}}")],
                QUARTER,
                number=True,
                limits=[(None, "red"), (1.0, "green")],
            ),
            Panel(
                "Behind",
                "Records that wait in the topics.",
                "short",
                [("sum(streamgauge_consumer_lag_records{OF})", "records")],
                QUARTER,
                number=True,
                limits=[(None, "green"), (1_000.0, "orange"), (10_000.0, "red")],
            ),
            Panel(
                "Wrong",
                "Share of labelled scores on the wrong side of 0.5, faded over about the "
                "last thousand.",
                "percentunit",
                [('max(streamgauge_prequential_error_ratio{OF,window="faded"})', "error")],
                QUARTER,
                number=True,
            ),
            Panel(
                "Drifts, last day",
                "Drifts of the error, scores, inputs or labels in a day.",
                "none",
                [('sum(increase(streamgauge_drifts_total{OF,level="drift"}[1d]))', "drifts")],
                QUARTER,
                number=True,
                limits=[(None, "green"), (1.0, "orange")],
            ),
        ],
    ),
    (
        "Flow",
        [
            Panel(
                "Events and labels",
                "Events scored and labels that met their event, a second.",
                "cps",
                [
                    (
                        "sum(rate(streamgauge_events_processed_total{OF}[RATE]))",
                        "events",
                    ),
                    (
                        'sum(rate(streamgauge_labels_total{OF,outcome="joined"}[RATE]))',
                        "labels",
                    ),
                ],
            ),
            Panel(
                "Lag",
                "Records that wait, by topic and partition.",
                "short",
                [("streamgauge_consumer_lag_records{OF}", "{{topic}} {{partition}}")],
            ),
            Panel(
                "Latency",
                "From an event's Kafka timestamp until its score is committed. Old records "
                "count with all their age.",
                "s",
                [
                    (
                        (
                            f"histogram_quantile({q}, sum by (le) "
                            "(rate(streamgauge_end_to_end_latency_seconds_bucket{OF}[RATE])))"
                        ),
                        name,
                    )
                    for q, name in ((0.5, "half are faster"), (0.99, "99 % are faster"))
                ],
                log=True,
            ),
            Panel(
                "Where the time goes",
                "Share of the loop's time that each stage takes.",
                "percentunit",
                [
                    (
                        "sum by (stage) (rate(streamgauge_processing_seconds_sum{OF}[RATE]))",
                        "{{stage}}",
                    )
                ],
            ),
            Panel(
                "Dead letters",
                "Records that could not be read, a second, by reason.",
                "cps",
                [
                    (
                        "sum by (reason) (rate(streamgauge_decode_failures_total{OF}[RATE]))",
                        "{{reason}}",
                    )
                ],
            ),
            Panel(
                "Labels by what became of them",
                "A second. Orphans are of events that are not known.",
                "cps",
                [
                    (
                        "sum by (outcome) (rate(streamgauge_labels_total{OF}[RATE]))",
                        "{{outcome}}",
                    )
                ],
            ),
        ],
    ),
    (
        "Alerts",
        [
            Panel(
                "Alerts",
                "Alerts a minute.",
                "cpm",
                [
                    (
                        "60 * sum(rate(streamgauge_alerts_emitted_total{OF}[RATE]))",
                        "alerts",
                    )
                ],
                THIRD,
            ),
            Panel(
                "Threshold",
                "Score from which on an event is an alert; 1 while there are none.",
                "none",
                [("streamgauge_alert_threshold_ratio{OF}", "threshold")],
                THIRD,
            ),
            Panel(
                "Scores",
                "Share of events above a score.",
                "percentunit",
                [
                    (
                        (
                            '1 - sum(rate(streamgauge_score_ratio_bucket{OF,le="0.5"}[RATE])) '
                            "/ sum(rate(streamgauge_score_ratio_count{OF}[RATE]))"
                        ),
                        "above 0.5",
                    ),
                    (
                        (
                            '1 - sum(rate(streamgauge_score_ratio_bucket{OF,le="0.9"}[RATE])) '
                            "/ sum(rate(streamgauge_score_ratio_count{OF}[RATE]))"
                        ),
                        "above 0.9",
                    ),
                ],
                THIRD,
            ),
        ],
    ),
    (
        "Safety",
        [
            Panel(
                "Age of the newest snapshot",
                "How far a restart has to go back.",
                "s",
                [
                    (
                        "time() - streamgauge_snapshot_last_success_timestamp_seconds{OF}",
                        "{{instance}}",
                    )
                ],
                THIRD,
            ),
            Panel(
                "Size of the newest snapshot",
                "All state, as a file.",
                "bytes",
                [("streamgauge_snapshot_size_bytes{OF}", "{{instance}}")],
                THIRD,
            ),
            Panel(
                "Memory",
                "Resident memory of the worker.",
                "bytes",
                [("process_resident_memory_bytes{OF}", "{{instance}}")],
                THIRD,
            ),
        ],
    ),
]

LEARNING = [
    (
        "How right it is",
        [
            Panel(
                "Error",
                "Share of scores as given on the wrong side of 0.5: faded over about the last "
                "thousand labels, and over all.",
                "percentunit",
                [("streamgauge_prequential_error_ratio{OF}", "{{window}}")],
            ),
            Panel(
                "Error by arm",
                "The same, faded, for what each arm said.",
                "percentunit",
                [("streamgauge_arm_error_ratio{OF}", "{{arm}}")],
            ),
            Panel(
                "Log-loss by arm",
                "Nats a label. What a score of 0.5 costs is 0.69.",
                "none",
                [
                    (
                        (
                            "rate(streamgauge_arm_log_loss_nats_sum{OF}[RATE]) "
                            "/ rate(streamgauge_arm_log_loss_nats_count{OF}[RATE])"
                        ),
                        "{{arm}}",
                    )
                ],
            ),
            Panel(
                "Ranking",
                "ROC AUC and average precision over the last labels.",
                "percentunit",
                [
                    ("streamgauge_prequential_auc_ratio{OF}", "ROC AUC"),
                    ("streamgauge_prequential_average_precision_ratio{OF}", "average precision"),
                ],
            ),
        ],
    ),
    (
        "How it learns",
        [
            Panel(
                "Learning rate",
                "Of the next label, by arm.",
                "none",
                [("streamgauge_learning_rate{OF}", "{{arm}}")],
                log=True,
            ),
            Panel(
                "Effective learning rate",
                "Norm of the weights' change over that of the gradient.",
                "none",
                [("streamgauge_effective_learning_rate{OF}", "{{arm}}")],
                log=True,
            ),
            Panel(
                "Weights",
                "Norm of all weights of an arm.",
                "none",
                [("streamgauge_weights_norm{OF}", "{{arm}}")],
            ),
            Panel(
                "Updates",
                "Labels learned a second; refused ones would have made weights infinite.",
                "cps",
                [
                    (
                        ("sum by (arm, outcome) (rate(streamgauge_model_updates_total{OF}[RATE]))"),
                        "{{arm}} {{outcome}}",
                    )
                ],
            ),
            Panel(
                "Who counts",
                "What each arm's score counts for in the one that is given.",
                "percentunit",
                [("streamgauge_arm_weight_ratio{OF}", "{{arm}}")],
            ),
            Panel(
                "Champions replaced",
                "How often a challenger took over.",
                "none",
                [("streamgauge_champion_switches_total{OF}", "{{instance}}")],
            ),
        ],
    ),
    (
        "Drift",
        [
            Panel(
                "Drifts",
                "Reported in an hour.",
                "none",
                [
                    (
                        f"sum by (signal) (increase({DRIFTS}[1h]))",
                        "{{signal}}",
                    )
                ],
            ),
            Panel(
                "Detectors' own measures",
                "ADWIN's mean error, Page-Hinkley's cumulated rise.",
                "none",
                [("streamgauge_drift_statistic{OF}", "{{detector}}")],
            ),
            Panel(
                "Population stability",
                "How far an input lies from that of before; 0.25 is far.",
                "none",
                [("topk(8, streamgauge_population_stability_index{OF})", "{{signal}} {{feature}}")],
                WIDE,
            ),
        ],
    ),
    (
        "Late labels",
        [
            Panel(
                "Label delay",
                "Event time from an event to its first label.",
                "s",
                [
                    (
                        (
                            f"histogram_quantile({q}, sum by (le) "
                            f"(streamgauge_label_delay_seconds_bucket{{OF}}))"
                        ),
                        name,
                    )
                    for q, name in ((0.5, "half are sooner"), (0.9, "90 % are sooner"))
                ],
            ),
            Panel(
                "Coverage by age",
                "Share of a day's events that are labelled, by how many days ago.",
                "percentunit",
                [("streamgauge_label_coverage_ratio{OF}", "{{age}} days ago")],
            ),
            Panel(
                "Waiting",
                "Events that are remembered for a label.",
                "short",
                [("streamgauge_label_join_remembered_events{OF}", "{{instance}}")],
            ),
            Panel(
                "Expected, and what it was",
                "Of the newest day that is over, by calibrated scores; "
                "and of the newest that is labelled.",
                "percentunit",
                [
                    ("streamgauge_expected_ratio{OF}", "{{measure}}, expected"),
                    ("streamgauge_matured_ratio{OF}", "{{measure}}, labelled"),
                ],
            ),
        ],
    ),
    (
        "A monitor for each partition",
        [
            Panel(
                "Weights taken in",
                "Mixings an hour by whether others' weights were taken in, and refusals by why.",
                "none",
                [
                    (
                        "sum by (outcome) (increase(streamgauge_mixings_total{OF}[1h]))",
                        "{{outcome}}",
                    ),
                    (
                        "sum by (reason) (increase(streamgauge_mixing_refused_total{OF}[1h]))",
                        "refused: {{reason}}",
                    ),
                ],
            ),
            Panel(
                "How old they were",
                "Event time since what was taken in was published; the oldest is of a partition "
                "that is behind, or stands still.",
                "s",
                [
                    ('min(streamgauge_mixed_age_seconds{OF,which="newest"})', "newest"),
                    ('max(streamgauge_mixed_age_seconds{OF,which="oldest"})', "oldest"),
                ],
            ),
        ],
    ),
]
