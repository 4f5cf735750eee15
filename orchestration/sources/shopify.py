"""Shopify: the admin's order export, one row per line item, and results of bulk operations."""

from orchestration.sources.declaration import TEXT_TIME, Column, Identifier, Stream

_PERSONAL = ("Email", "Billing", "Shipping", "Phone", "Notes", "Note Attributes", "Tags")
_ADDRESS = ("Name", "Street", "Address1", "Address2", "Company", "City", "Zip", "Province")
_HEADERS = (
    "Name",
    "Email",
    "Financial Status",
    "Paid at",
    "Fulfillment Status",
    "Fulfilled at",
    "Accepts Marketing",
    "Currency",
    "Subtotal",
    "Shipping",
    "Taxes",
    "Total",
    "Discount Code",
    "Discount Amount",
    "Shipping Method",
    "Created at",
    "Lineitem quantity",
    "Lineitem name",
    "Lineitem price",
    "Lineitem compare at price",
    "Lineitem sku",
    "Lineitem requires shipping",
    "Lineitem taxable",
    "Lineitem fulfillment status",
    *(f"Billing {part}" for part in (*_ADDRESS, "Country", "Phone")),
    *(f"Shipping {part}" for part in (*_ADDRESS, "Country", "Phone")),
    "Notes",
    "Note Attributes",
    "Cancelled at",
    "Payment Method",
    "Payment Reference",
    "Refunded Amount",
    "Vendor",
    "Outstanding Balance",
    "Employee",
    "Location",
    "Device ID",
    "Id",
    "Tags",
    "Risk Level",
    "Source",
    "Lineitem discount",
    *(f"Tax {n} {part}" for n in range(1, 6) for part in ("Name", "Value")),
    "Phone",
    "Receipt Number",
    "Duties",
    "Billing Province Name",
    "Shipping Province Name",
    "Payment ID",
    "Payment Terms Name",
    "Next Payment Due At",
    "Payment References",
)
_FILE_REQUIRED = ("Name", "Total", "Created at")


def _is_personal(header: str) -> bool:
    # "Shipping" alone is an amount and "Shipping Method" a carrier's name.
    return header not in ("Shipping", "Shipping Method") and header.startswith(_PERSONAL)


ORDERS = Stream(
    source="shopify",
    name="orders",
    record="an order line; the order's own cells stand on its first line only",
    format="csv",
    columns=tuple(
        Column(
            name=header.lower().replace(" ", "_"),
            source=header,
            required=header in _FILE_REQUIRED,
            # Continuation rows are blank in the order's cells, sometimes even in `Name`.
            not_null=header == "Name",
            fill_down=header == "Name",
            personal=_is_personal(header),
        )
        for header in _HEADERS
    ),
    identifiers=(
        Identifier(kind="email", column="email"),
        Identifier(kind="phone", column="phone"),
        Identifier(kind="phone", column="billing_phone"),
        Identifier(kind="phone", column="shipping_phone"),
    ),
    event_time="timezone('UTC', try_strptime(created_at, '%Y-%m-%d %H:%M:%S %z'))",
    export_time_pattern=r"(\d{4}-\d{2}-\d{2})",
)

_AMOUNT = "{}.shopMoney.amount"

ORDERS_BULK = Stream(
    source="shopify",
    name="orders_bulk",
    record="an object: an order, an abandoned checkout, or a child of one, in any order",
    format="jsonl",
    # Children without an id may be alike: two line items of one piece each.
    one_of=(("object_id", "parent_id"),),
    columns=(
        Column(name="object_id", source="id"),
        Column(name="parent_id", source="__parentId"),
        Column(name="type_name", source="__typename"),
        Column(name="name"),
        Column(name="created_at", source="createdAt"),
        Column(name="processed_at", source="processedAt"),
        Column(name="updated_at", source="updatedAt"),
        Column(name="cancelled_at", source="cancelledAt"),
        Column(name="completed_at", source="completedAt", description="of a checkout: recovered"),
        Column(name="test"),
        Column(name="financial_status", source="displayFinancialStatus"),
        Column(name="fulfillment_status", source="displayFulfillmentStatus"),
        Column(name="currency_code", source="currencyCode"),
        Column(name="total_currency_code", source="totalPriceSet.shopMoney.currencyCode"),
        Column(name="total", source=_AMOUNT.format("totalPriceSet")),
        Column(name="discounts", source=_AMOUNT.format("totalDiscountsSet")),
        Column(name="shipping", source=_AMOUNT.format("totalShippingPriceSet")),
        Column(name="taxes", source=_AMOUNT.format("totalTaxSet")),
        Column(name="refunded", source=_AMOUNT.format("totalRefundedSet")),
        Column(name="email", personal=True),
        Column(name="phone", personal=True),
        Column(name="customer_gid", source="customer.id", personal=True),
        Column(name="customer_email", source="customer.email", personal=True),
        Column(name="customer_phone", source="customer.phone", personal=True),
        Column(name="billing_phone", source="billingAddress.phone", personal=True),
        Column(name="shipping_phone", source="shippingAddress.phone", personal=True),
        Column(name="discount_code", source="discountCode"),
        Column(name="discount_codes", source="discountCodes", json_type="JSON"),
        Column(name="tags", json_type="JSON", personal=True),
        Column(name="payment_gateways", source="paymentGatewayNames", json_type="JSON"),
        Column(
            name="custom_attributes", source="customAttributes", json_type="JSON", personal=True
        ),
        Column(name="refunds", json_type="JSON", personal=True, description="notes are free text"),
        Column(name="transactions", json_type="JSON", personal=True),
        Column(name="fulfillments", json_type="JSON", personal=True),
        Column(name="journey", source="customerJourneySummary", json_type="JSON", personal=True),
        Column(name="units", source="subtotalLineItemsQuantity"),
        Column(name="quantity", description="of a line item"),
        Column(name="kind", description="of a transaction: SALE, CAPTURE, REFUND …"),
        Column(name="status", description="of a transaction"),
        Column(name="amount", source=_AMOUNT.format("amountSet"), description="of a transaction"),
        Column(
            name="object_kind",
            derived=(
                "coalesce(nullif(regexp_extract(object_id, '^gid://shopify/([A-Za-z]+)/', 1), ''), "
                "type_name)"
            ),
            description="Order, AbandonedCheckout, LineItem, Refund, OrderTransaction …",
        ),
        Column(
            name="shop_customer_id",
            personal=True,
            derived="'shopify:' || nullif(regexp_extract(customer_gid, '([0-9]+)[^0-9]*$', 1), '')",
        ),
    ),
    identifiers=(
        *(
            Identifier(kind="phone", column=column)
            for column in ("phone", "billing_phone", "shipping_phone", "customer_phone")
        ),
        Identifier(kind="email", column="email"),
        Identifier(kind="email", column="customer_email"),
        Identifier(kind="shop", column="shop_customer_id"),
    ),
    event_time=(
        "case when object_kind in ('Order', 'AbandonedCheckout') then coalesce("
        f"{TEXT_TIME.format('processed_at')}, {TEXT_TIME.format('created_at')}) end"
    ),
    export_time_pattern=r"(\d{4}-\d{2}-\d{2}(?:T\d{4,6}Z?)?)",
)

STREAMS = (ORDERS, ORDERS_BULK)
