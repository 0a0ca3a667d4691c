"""Tables with a row per frame, alone or beside a picture per row: CSV, TSV and Parquet files."""
