"""The SQL of each page that is measured, as one would write it by hand: all of it, and no more."""

import re

from app.storage.search_index import PARTS

ROWS = 51
CANDIDATES = 1001

ACCOUNT_COLUMNS = """
    a.id, a.name, a.domain, a.plan, a.status, a.impersonation_allowed,
    a.impersonation_switched_off, a.member_count
"""
MEMBER_COLUMNS = """
    m.id, m.name, m.email, m.role, m.status, m.protected, m.account_id, a.name, a.status,
    a.impersonation_allowed, a.impersonation_switched_off
"""
ACCOUNTS = f"SELECT {ACCOUNT_COLUMNS} FROM accounts a"
MEMBERS = f"SELECT {MEMBER_COLUMNS} FROM members m JOIN accounts a ON a.id = m.account_id"
SESSIONS = """
    SELECT i.id, m.name, m.email, i.account_id, c.name, a.name, i.reason, i.started_at,
        i.expires_at, i.last_seen_at, i.ended_at, i.end_reason
    FROM impersonations i JOIN members m ON m.id = i.target_id
        JOIN accounts c ON c.id = i.account_id JOIN admins a ON a.id = i.impersonator_id
"""
EVENTS = """
    SELECT e.id, e.at, e.action, e.outcome, e.actor_id, e.subject_id, e.account_id,
        e.impersonation_id, e.facts, w.words
    FROM audit_events e LEFT JOIN audit_words w ON w.event_id = e.id
"""
ACCOUNTS_BY_NAME = f"ORDER BY a.sort_key, a.id LIMIT {ROWS}"
MEMBERS_BY_NAME = f"ORDER BY m.sort_key, m.id LIMIT {ROWS}"

LISTS = {
    "accounts": [f"{ACCOUNTS} {ACCOUNTS_BY_NAME}"],
    "accounts-far": [f"{ACCOUNTS} WHERE (a.sort_key, a.id) > (:key, :id) {ACCOUNTS_BY_NAME}"],
    "members": [f"{MEMBERS} {MEMBERS_BY_NAME}"],
    "members-far": [f"{MEMBERS} WHERE (m.sort_key, m.id) > (:key, :id) {MEMBERS_BY_NAME}"],
    "account": [
        f"{ACCOUNTS} WHERE a.id = :account",
        f"{MEMBERS} WHERE m.account_id = :account {MEMBERS_BY_NAME}",
    ],
    "overview": [
        # The plus keeps SQLite from walking through all sessions there ever were, in their order.
        f"{SESSIONS} WHERE i.ended_at IS NULL ORDER BY +i.started_at DESC, i.id",
        f"{SESSIONS} WHERE i.ended_at IS NOT NULL ORDER BY i.started_at DESC, i.id LIMIT 6",
        f"{EVENTS} ORDER BY e.id DESC LIMIT 12",
    ],
    "audit": [f"{EVENTS} ORDER BY e.id DESC LIMIT {ROWS}"],
    "audit-far": [f"{EVENTS} WHERE e.id < :id ORDER BY e.id DESC LIMIT {ROWS}"],
}


def _searches(matches: str, members: str, accounts: str, within: str) -> dict[str, list[str]]:
    """Return the searches upon what gives the candidates for each."""

    def best(candidates: str) -> str:
        best_first = f"search_text {matches} :beginning DESC, sort_key, id"
        few = f"SELECT * FROM ({candidates} LIMIT {CANDIDATES}) AS c"
        return f"({few} ORDER BY {best_first} LIMIT {ROWS}) AS f"

    # Only the rows that are shown are looked up.
    best_first = f"ORDER BY f.search_text {matches} :beginning DESC, f.sort_key, f.id"
    return {
        "search": [f"{MEMBERS} JOIN {best(members)} ON f.id = m.id {best_first}"],
        "search-within": [f"{MEMBERS} JOIN {best(within)} ON f.id = m.id {best_first}"],
        "search-accounts": [f"{ACCOUNTS} JOIN {best(accounts)} ON f.id = a.id {best_first}"],
    }


CANDIDATE = "id, sort_key, search_text"
OF_ACCOUNT = "account_id = :account"


def _on_sqlite(table: str) -> str:
    return (
        f"SELECT t.id, t.sort_key, t.search_text FROM {table}_search s CROSS JOIN {table} t"
        f" ON t.rowid = s.rowid WHERE {table}_search MATCH :trigrams AND t.search_text GLOB :inside"
    )


def _on_postgresql(table: str, condition: str = "true") -> str:
    return " UNION ALL ".join(
        f"(SELECT {CANDIDATE} FROM {table} WHERE {part} AND {condition}"
        f" AND search_text LIKE :inside LIMIT {CANDIDATES})"
        for part in PARTS
    )


ON_SQLITE = LISTS | _searches(
    "GLOB",
    _on_sqlite("members"),
    _on_sqlite("accounts"),
    f"SELECT {CANDIDATE} FROM members WHERE {OF_ACCOUNT} AND search_text GLOB :inside",
)
ON_POSTGRESQL = LISTS | _searches(
    "LIKE",
    _on_postgresql("members"),
    _on_postgresql("accounts"),
    _on_postgresql("members", OF_ACCOUNT),
)
QUERIES = {
    "sqlite": ON_SQLITE,
    "postgresql": {
        name: [re.sub(r":(\w+)", r"%(\1)s", query) for query in queries]
        for name, queries in ON_POSTGRESQL.items()
    },
}
