"""Evaluation: cases, judges, measures, report. `rtvc evaluate` runs it; nothing else of rtvc needs it."""
