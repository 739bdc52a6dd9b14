"""When a risk reaches a nurse: the alert policy at work, judged as a hospital judges it, and tuned."""
