"""Networks, their training, calibration and export."""
