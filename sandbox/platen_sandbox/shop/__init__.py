"""A shop that speaks WooCommerce REST v3, the Shipment Tracking plugin included."""
