"""How a live ward is run: metrics, health, logs, signals, lag and silence; nothing here decides a risk or an alert."""
