"""From corrections to better predictions: samples, triggers, training, versions, reports."""
