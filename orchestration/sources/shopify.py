"""Shopify: the admin's order export, one row per line item."""

from orchestration.sources.declaration import Column, Identifier, Stream

_PERSONAL = ("Email", "Billing", "Shipping", "Phone", "Notes", "Note Attributes")
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

STREAMS = (ORDERS,)
