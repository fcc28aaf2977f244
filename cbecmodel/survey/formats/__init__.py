"""One module a platform: write its questionnaire, read its answers back."""
