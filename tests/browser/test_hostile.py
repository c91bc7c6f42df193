"""What others have written stays text: nothing of it runs, and nothing of it is fetched."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SCRIPT = "<script>window.ran = true</script>"
IMAGE = "<img src=x onerror='window.ran = true'>"
LINK = "<a href='javascript:window.ran = true'>tempting</a>"
SUBJECT = f"Parcel {SCRIPT}{IMAGE}"
#: Both ways for markup to come: as the mail's HTML, and as its plain text.
BODIES = {
    "html": f"<html><body onload='window.ran = true'><p>parcelword</p>{SCRIPT}{IMAGE}{LINK}"
    "<style>body { display: none }</style><iframe srcdoc='<script>parent.ran = true</script>'>"
    "</iframe><svg onload='window.ran = true'></svg></body></html>",
    "plain": f"parcelword </div>{SCRIPT}{IMAGE}{LINK} {{{{ 7 * 7 }}}}",
}
#: Elements that our own pages never have in their main part.
FOREIGN = "main :is(script, style, iframe, svg, img:not(.icon), [onerror], [onload], a[href^=java])"


def mail(kind: str) -> bytes:
    return "\r\n".join(
        [
            f'From: "{IMAGE}" <eve@example.org>',
            f'To: "{SCRIPT}" <owner@example.org>',
            f"Subject: {SUBJECT}",
            "Date: Fri, 1 Mar 2024 12:00:00 +0000",
            f"Message-ID: <parcel-{kind}@example.org>",
            "MIME-Version: 1.0",
            'Content-Type: multipart/mixed; boundary="parts"',
            "",
            "--parts",
            f"Content-Type: text/{kind}; charset=utf-8",
            "",
            BODIES[kind],
            "--parts",
            "Content-Type: text/plain",
            f'Content-Disposition: attachment; filename="{IMAGE}.txt"',
            "",
            f"attached {SCRIPT}{IMAGE}",
            "--parts--",
            "",
        ]
    ).encode()


def assert_harmless(driver):
    assert driver.run("return window.ran") is None
    assert driver.run("return document.querySelectorAll(arguments[0]).length", FOREIGN) == 0
    # The policy would have stopped it, and said so: it did not even come to that.
    assert driver.console() == []


def test_a_hostile_mail_runs_nothing(driver, site):
    for kind in BODIES:
        site.receive(mail(kind))
    site.sync(site.connect())
    driver.open(site.sign_in_link())
    driver.wait_for_text("h1", "Connections")
    driver.open(f"{site.root}/records/email")
    assert_harmless(driver)
    for number in range(1, len(BODIES) + 1):
        driver.open(f"{site.root}/records/email?q=parcelword")
        assert driver.text("[role=status]").startswith(f"{len(BODIES)} records")
        assert_harmless(driver)
        driver.click(f"ul.records li:nth-child({number}) a")
        driver.wait_for_text("h1.subject", SUBJECT)
        assert "parcelword" in driver.text("article .text")
        driver.click(".attachment summary")
        assert IMAGE in driver.text(".attachment strong")
        assert SCRIPT in driver.text(".attachment .text")
        assert_harmless(driver)


def test_the_policy_stops_a_script_that_got_into_a_page_and_the_console_says_so(driver, site):
    driver.open(site.sign_in_link())
    driver.wait_for_text("h1", "Connections")
    driver.run(
        "const script = document.createElement('script'); script.textContent = 'window.ran = true';"
        "document.querySelector('main').append(script)"
    )
    assert driver.run("return window.ran") is None
    [line] = driver.console()
    assert "Content Security Policy" in line
