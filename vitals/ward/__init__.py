"""The live ward: lines in, risks, alerts and technical news out."""
