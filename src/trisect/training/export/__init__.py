"""Exporting trained models for others; `trisect.models.exported` reads them."""
