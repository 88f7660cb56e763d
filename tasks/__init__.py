"""What is done to one asset: mesh steps, texture, LODs, measures, gate, exporters, renders and the report."""
