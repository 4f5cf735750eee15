"""Connected components over linked identifiers: the people (SOURCES 4)."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def components(first: np.ndarray, second: np.ndarray, size: int) -> np.ndarray:
    """Return the component number of each of `size` nodes, given edges as two index arrays."""
    edges = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(size, size))
    return connected_components(edges, directed=False)[1]


def model(dbt, session):
    """One row per linked identifier with the number of its component (0 …, of this run only)."""
    dbt.config(materialized="table", packages=["numpy", "pandas", "scipy"])
    links = dbt.ref("int_identifier_links__usable").df()
    codes, hashes = pd.factorize(
        pd.concat([links["identifier_hash_a"], links["identifier_hash_b"]], ignore_index=True)
    )
    numbers = components(codes[: len(links)], codes[len(links) :], len(hashes))
    return pd.DataFrame({
        "identifier_hash": pd.array(hashes, dtype="str"),
        "component_number": numbers.astype("int64"),
    })
