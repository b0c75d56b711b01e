"""What any call outside needs: a rate governor, failure classes, safe retries, SSRF-safe fetch, webhook signatures, redaction."""
