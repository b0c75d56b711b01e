"""What any call outside needs: a rate governor, failure classes, safe retries, webhook signatures, redaction."""
