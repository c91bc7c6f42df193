"""Keeping batches."""

from __future__ import annotations

import threading

import pytest

from connectors.sdk.records import Failed
from connectors.sdk.schemas.email import Email
from vault.errors import FencedError, NotFoundError, VaultError

ACCOUNT = "google:1"


def test_a_batch_is_kept_with_its_position(vault, email, batch):
    done = vault.commit(batch(email(1), email(2), position={"page": "b"}, total=9))
    assert (done.seq, done.inserted, done.updated, done.unchanged) == (1, 2, 0, 0)
    state = vault.handler(ACCOUNT, "gmail")
    assert (state.position, state.seq, state.kept, state.total) == ({"page": "b"}, 1, 2, 9)
    assert vault.get("google:1:2") == email(2)


def test_a_total_that_is_not_told_stays(vault, batch):
    vault.commit(batch(total=9))
    vault.commit(batch())
    assert vault.handler(ACCOUNT, "gmail").total == 9


def test_an_unchanged_record_is_not_written_again(vault, email, batch):
    vault.commit(batch(email(1)))
    before = vault.changes()
    done = vault.commit(batch(email(1), position={"page": "c"}))
    assert (done.inserted, done.updated, done.unchanged, done.seq) == (0, 0, 1, 2)
    assert vault.changes() == before


def test_a_changed_record_is_updated_and_found_by_its_new_words_only(vault, email, batch):
    vault.commit(batch(email(1, messageText="zebra")))
    done = vault.commit(batch(email(1, messageText="giraffe")))
    assert (done.inserted, done.updated) == (0, 1)
    assert vault.search_count("zebra") == 0
    assert vault.search_count("giraffe") == 1
    assert vault.handler(ACCOUNT, "gmail").kept == 1


def test_a_change_of_source_data_alone_is_a_change(vault, email, batch):
    vault.commit(batch(email(1)))
    assert vault.commit(batch(email(1, sourceData={"id": "1", "raw": "other"}))).updated == 1


def test_new_and_changed_records_of_one_batch_keep_apart(vault, email, batch):
    vault.commit(batch(email(1), email(2)))
    vault.commit(batch(email(3), email(1, name="One"), email(4), email(2, name="Two")))
    names = {r["_id"][-1]: r["name"] for r in vault.query("email", limit=9)}
    assert names == {"1": "One", "2": "Two", "3": "Subject 3", "4": "Subject 4"}


def test_the_last_of_two_records_with_one_id_wins(vault, email, batch):
    done = vault.commit(batch(email(1, name="first"), email(1, name="second")))
    assert done.inserted == 1
    assert vault.get("google:1:1")["name"] == "second"


def test_a_deleted_record_is_marked_and_not_found_by_words(vault, email, batch):
    vault.commit(batch(email(1), email(2)))
    done = vault.commit(batch(deleted=["1", "1", "absent"]))
    assert (done.deleted, done.missing) == (1, 1)
    assert vault.get("google:1:1")["deletedAt"].endswith("Z")
    assert [r["sourceId"] for r in vault.query("email")] == ["2"]
    assert vault.search_count("body") == 1
    assert vault.handler(ACCOUNT, "gmail").kept == 1
    assert vault.commit(batch(deleted=["1"])).deleted == 0


def test_a_deleted_record_that_comes_back_is_undeleted(vault, email, batch):
    vault.commit(batch(email(1)))
    vault.commit(batch(deleted=["1"]))
    assert vault.commit(batch(email(1))).updated == 1
    assert "deletedAt" not in vault.get("google:1:1")
    assert vault.search_count("body") == 1
    assert vault.handler(ACCOUNT, "gmail").kept == 1


def test_an_older_fence_is_refused_and_nothing_is_written(vault, email, batch):
    vault.claim(ACCOUNT, "gmail", 7)
    with pytest.raises(FencedError):
        vault.commit(batch(email(1), fence=6))
    with pytest.raises(FencedError):
        vault.claim(ACCOUNT, "gmail", 6)
    assert vault.get("google:1:1") is None
    assert vault.handler(ACCOUNT, "gmail").seq == 0
    assert vault.last_fence(ACCOUNT, "gmail") == 7


def test_claim_gives_the_position_and_may_be_repeated(vault, batch):
    vault.commit(batch(position={"at": 3}))
    assert vault.claim(ACCOUNT, "gmail", 2) == ({"at": 3}, 1)
    assert vault.claim(ACCOUNT, "gmail", 2) == ({"at": 3}, 1)


def test_claim_of_an_unknown_handler_says_so(vault):
    with pytest.raises(NotFoundError):
        vault.claim(ACCOUNT, "nothing", 1)


def test_a_worker_from_before_a_removal_cannot_write_after_it(vault, email, batch, connection):
    vault.claim(ACCOUNT, "gmail", 5)
    vault.remove_connection(ACCOUNT)
    with pytest.raises(FencedError):
        vault.commit(batch(email(1), fence=5))
    vault.save_connection(connection())
    vault.ensure_handler(ACCOUNT, "gmail")
    with pytest.raises(FencedError):
        vault.commit(batch(email(1), fence=4))


def test_two_handlers_cannot_keep_the_same_id(vault, email, batch):
    vault.commit(batch(email(1)))
    vault.ensure_handler(ACCOUNT, "other")
    with pytest.raises(VaultError, match="ids must differ"):
        vault.commit(batch(email(1), handler_id="other"))


def test_broken_text_is_kept_as_it_came(vault, email, batch):
    odd = email(1, name="half \ud83d pair", messageText="nul \x00 and \udc80")
    vault.commit(batch(odd))
    assert vault.get("google:1:1") == odd
    assert vault.search_count("half pair nul and") == 1


def test_quarantine_holds_what_failed_until_it_is_kept(vault, email, batch):
    failed = [Failed("1", {"id": "1"}, "no date"), Failed("2", {"id": "2"}, "no date")]
    assert vault.commit(batch(quarantined=failed)).quarantined == 2
    assert vault.commit(batch(quarantined=failed[:1])).quarantined == 0
    assert [(q.source_id, q.source, q.tries) for q in vault.quarantine(ACCOUNT)] == [
        ("1", {"id": "1"}, 0),
        ("2", {"id": "2"}, 0),
    ]
    assert vault.handler(ACCOUNT, "gmail").quarantined == 2
    vault.commit(batch(email(1), deleted=["2"]))
    assert vault.quarantine() == []


def test_release_keeps_the_record_and_removes_the_item_once(vault, email, batch):
    vault.commit(batch(quarantined=[Failed("1", {"id": "1"}, "no date")]))
    (item,) = vault.quarantine()
    vault.quarantine_failed(item.id, "still no date")
    assert [(q.tries, q.reason) for q in vault.quarantine()] == [(1, "still no date")]
    vault.release(item.id, email(1), Email)
    assert vault.quarantine() == []
    assert vault.handler(ACCOUNT, "gmail").kept == 1
    with pytest.raises(NotFoundError):
        vault.release(item.id, email(1), Email)


def test_accounted_counts_deleted_and_quarantined_and_known_does_not_count_deleted(
    vault, email, batch
):
    vault.commit(batch(email(1), email(2), quarantined=[Failed("3", {}, "bad")]))
    vault.commit(batch(deleted=["2"]))
    asked = [str(n) for n in range(1, 2000)]
    assert vault.accounted(ACCOUNT, "gmail", asked) == {"1", "2", "3"}
    kept = vault.kept(ACCOUNT, "gmail")
    assert kept.known(asked) == {"1", "3"}
    assert list(kept.source_ids()) == ["1"]
    assert kept.get("1") == email(1)
    assert kept.get("2") is None


def test_source_ids_gives_all_of_many(vault, email, batch):
    vault.commit(batch(*(email(n) for n in range(4500))))
    ids = list(vault.kept(ACCOUNT, "gmail").source_ids())
    assert sorted(ids, key=int) == [str(n) for n in range(4500)]


def test_reset_removes_that_account_s_records_alone(vault, email, batch, connection):
    vault.save_connection(connection("2"))
    vault.ensure_handler("google:2", "gmail")
    vault.commit(batch(email(1), quarantined=[Failed("3", {}, "bad")]))
    vault.commit(batch(email(1, account="2"), connection_id="google:2"))
    assert vault.reset(ACCOUNT, delete_data=True) == 1
    assert vault.get("google:1:1") is None
    assert vault.get("google:2:1") is not None
    assert vault.search_count("body") == 1
    assert vault.quarantine() == []
    state = vault.handler(ACCOUNT, "gmail")
    assert (state.position, state.kept) == ({}, 0)
    assert vault.handler("google:2", "gmail").position != {}
    assert vault.check() == []


def test_reset_without_data_keeps_records(vault, email, batch):
    vault.commit(batch(email(1)))
    assert vault.reset(ACCOUNT, "gmail", delete_data=False) == 0
    assert vault.handler(ACCOUNT, "gmail").position == {}
    assert vault.get("google:1:1") is not None


def test_reset_fences_off_a_sync_at_work(vault, email, batch):
    vault.claim(ACCOUNT, "gmail", 3)
    vault.reset(ACCOUNT, delete_data=False)
    with pytest.raises(FencedError):
        vault.commit(batch(email(1), fence=3))
    assert vault.claim(ACCOUNT, "gmail", 4)[0] == {}


def test_a_worker_resets_its_own_handler_only_while_its_fence_holds(vault, email, batch):
    vault.claim(ACCOUNT, "gmail", 3)
    vault.commit(batch(email(1), fence=3))
    vault.reset(ACCOUNT, "gmail", delete_data=False, fence=3)
    assert vault.commit(batch(email(2), fence=3)).inserted == 1
    with pytest.raises(FencedError):
        vault.reset(ACCOUNT, "gmail", delete_data=False, fence=2)
    assert vault.handler(ACCOUNT, "gmail").position == {"n": 1}


def test_changes_tell_each_record_s_last_change_in_order(vault, email, batch):
    vault.commit(batch(email(1), email(2)))
    vault.commit(batch(email(1, name="new"), deleted=["2"]))
    changes = vault.changes()
    assert [(c.record_id, c.deleted) for c in changes] == [
        ("google:1:1", False),
        ("google:1:2", True),
    ]
    assert vault.changes(changes[0].seq)[0].record["deletedAt"]
    assert vault.changes(limit=1) == changes[:1]


def test_changes_tell_of_removed_records_and_numbers_never_return(vault, email, batch):
    vault.commit(batch(email(1)))
    last = vault.changes()[-1].seq
    vault.reset(ACCOUNT, delete_data=True)
    (gone,) = vault.changes(last)
    assert (gone.record_id, gone.deleted, gone.record) == ("google:1:1", True, None)
    vault.commit(batch(email(1), fence=2))
    (back,) = vault.changes(last)
    assert back.seq > gone.seq
    assert not back.deleted


def test_a_thread_reads_what_is_kept_while_another_commits(vault, email, batch):
    kept = vault.kept(ACCOUNT, "gmail")
    stop, seen, wrong = threading.Event(), [0], []

    def read():
        while not stop.is_set():
            known = kept.known([str(n) for n in range(600)])
            if len(known) % 20 or len(known) < seen[-1]:
                wrong.append(len(known))
            seen.append(len(known))

    reader = threading.Thread(target=read)
    reader.start()
    for start in range(0, 600, 20):
        vault.commit(batch(*(email(n) for n in range(start, start + 20))))
    stop.set()
    reader.join()
    assert wrong == []
    assert vault.count("email") == 600


def test_threads_that_write_take_turns(vault, email, batch):
    def write(part):
        for n in range(10):
            vault.commit(batch(email(f"{part}-{n}")))

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vault.count("email") == 40
    assert vault.handler(ACCOUNT, "gmail").seq == 40
