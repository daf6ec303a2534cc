"""Drift detectors behind one convention: 1 is an error, and each value gets its verdict at once.

A detector starts over after a drift, and says so once. What is compiled and kept in arrays here is
written after the papers; tests hold it against River's detectors, verdict for verdict. Where the
two must differ, the detector's docstring says why.

Layout::

    detector.py      what all share: running over values, state, what is refused
    adwin.py         two parts of a window differ (Bifet & Gavalda 2007)
    page_hinkley.py  the cumulated rise of the mean (Page 1954)
    ddm.py           the error rate, in standard deviations (Gama et al. 2004)
    eddm.py          the distance between errors (Baena-Garcia et al. 2006)
    hddm_a.py        Hoeffding's bound on the mean (Frias-Blanco et al. 2015)
    hddm_w.py        the same, recent values weighing more
    kswin.py         two samples' distributions differ (Raab et al. 2020)
    calibrated.py    each of these, set to a rate of false alarms
    episodes.py      which verdicts are news; contrast.py: how large a signal was and is
    two_windows.py   inputs: this window and those before; two_mixes.py: of categories
    homogeneity.py   the test of both, and what a column's past teaches it; findings.py
"""

from models.drift.adwin import Adwin
from models.drift.ddm import DDM
from models.drift.detector import Detector, Verdicts
from models.drift.eddm import EDDM
from models.drift.hddm_a import HDDMA
from models.drift.hddm_w import HDDMW
from models.drift.kswin import KSWIN
from models.drift.page_hinkley import PageHinkleyTest

__all__ = [
    "DDM", "EDDM", "HDDMA", "HDDMW", "KSWIN", "Adwin", "Detector", "PageHinkleyTest", "Verdicts",
]  # fmt: skip
