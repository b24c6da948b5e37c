"""Regions of Label Studio: one codec for each format, one file for each control tag."""
