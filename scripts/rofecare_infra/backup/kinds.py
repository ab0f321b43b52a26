"""Parts of the queries on system catalogs: privileges, sorted lists, names of columns; `x` is the row of the object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# An access control list as sorted text, without those who granted: a role that has the same as by default is left out.
ACL = """
(SELECT pg_catalog.string_agg(entry, ', ' ORDER BY entry) FROM (
    SELECT CASE grantee WHEN 0 THEN 'public' WHEN {owner} THEN 'owner'
                        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) END || '=' ||
           pg_catalog.string_agg(privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END, '/'
                                 ORDER BY privilege_type, is_grantable) AS entry
    FROM pg_catalog.aclexplode({acl}) WHERE {whose} GROUP BY grantee
) AS entries)
"""


@dataclass(frozen=True)
class Kind:
    """The objects of one system catalog, `x` in the expressions."""

    catalog: str
    # Columns whose values are the same in another server; those that a version does not have are left out.
    plain: str = ""
    # Further attributes by name: an expression each.
    more: Mapping[str, str] | None = None
    where: str = "true"
    # The column of its schema.
    schema: str = ""
    owner: str = ""
    # The column of the privileges, and the kind of object for `acldefault`.
    acl: str = ""
    acl_kind: str = ""
    # The object that it is a part of: catalog and expression.
    part_of: tuple[tuple[str, str], ...] = ()


def privileges(acl: str, owner: str, kind: str) -> str:
    """The privileges as text; NULL if they are those that such an object has by default."""
    default = f'pg_catalog.acldefault({kind}::"char", {owner})'
    current = ACL.format(owner=owner, acl=f"coalesce({acl}, {default})", whose="true")
    return f"nullif({current}, {ACL.format(owner=owner, acl=default, whose='true')})"


def sorted_list(array: str) -> str:
    """The elements of an array in one order."""
    return f"(SELECT pg_catalog.string_agg(o, ',' ORDER BY o) FROM pg_catalog.unnest({array}) o)"


def column_names(table: str, numbers: str) -> str:
    """The names of columns, given their numbers."""
    return (
        f"(SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ',' ORDER BY k.place)"
        f" FROM pg_catalog.unnest({numbers}) WITH ORDINALITY AS k(number, place)"
        f" JOIN pg_catalog.pg_attribute a ON a.attrelid = {table} AND a.attnum = k.number)"
    )


def settings_list(array: str) -> str:
    """Settings; an empty list of names is stored in two ways."""
    return (
        f"(SELECT pg_catalog.string_agg(pg_catalog.regexp_replace(o, '=\"\"$', '='), ',' ORDER BY o)"
        f" FROM pg_catalog.unnest({array}) o)"
    )
