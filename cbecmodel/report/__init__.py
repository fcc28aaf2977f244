"""Documents from typed results: HTML, PDF and DOCX, in each language."""
