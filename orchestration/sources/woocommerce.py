"""WooCommerce: orders as the REST API v3 gives them. Times are taken from the `*_gmt` fields."""

from orchestration.sources.declaration import TEXT_TIME, Column, Identifier, Stream

ORDERS = Stream(
    source="woocommerce",
    name="orders",
    record="an order with its lines, coupons and refunds",
    format="jsonl",
    may_be_array=True,
    natural_key=("order_id",),
    columns=(
        Column(name="order_id", source="id", required=True),
        Column(name="order_number", source="number"),
        Column(name="status", required=True),
        Column(name="currency_code", source="currency"),
        Column(name="created_at", source="date_created_gmt", required=True),
        Column(name="updated_at", source="date_modified_gmt"),
        Column(name="paid_at", source="date_paid_gmt"),
        Column(name="completed_at", source="date_completed_gmt"),
        Column(name="total", required=True),
        Column(name="total_tax"),
        Column(name="discount_total"),
        Column(name="shipping_total"),
        Column(name="customer_id", personal=True, description="0 is a guest"),
        Column(name="email", source="billing.email", personal=True),
        Column(name="billing_phone", source="billing.phone", personal=True),
        Column(name="shipping_phone", source="shipping.phone", personal=True),
        Column(name="payment_method"),
        Column(name="payment_method_title"),
        Column(name="line_items", json_type="JSON", personal=True),
        Column(name="coupon_lines", json_type="JSON"),
        Column(
            name="refunds", json_type="JSON", personal=True, description="reasons are free text"
        ),
        Column(name="meta_data", json_type="JSON", personal=True),
        Column(
            name="shop_customer_id",
            personal=True,
            derived="'woocommerce:' || nullif(nullif(trim(customer_id), ''), '0')",
        ),
    ),
    identifiers=(
        Identifier(kind="phone", column="billing_phone"),
        Identifier(kind="phone", column="shipping_phone"),
        Identifier(kind="email", column="email"),
        Identifier(kind="shop", column="shop_customer_id"),
    ),
    event_time=TEXT_TIME.format("created_at"),
    export_time_pattern=r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)",
)

STREAMS = (ORDERS,)
