"""Words, names and texts that synthetic mail is made of."""

from __future__ import annotations

WORDS = (
    "the", "of", "and", "to", "in", "for", "on", "with", "at", "by", "from", "about", "project",
    "report", "meeting", "invoice", "travel", "budget", "river", "garden", "window", "summer",
    "winter", "market", "train", "ticket", "letter", "family", "music", "kitchen", "school",
    "teacher", "doctor", "engine", "bridge", "planning", "review", "contract", "delivery",
    "weekend", "birthday", "holiday", "photos", "recipe", "concert", "library", "science",
    "weather", "mountain", "island", "harbour", "village", "station", "agenda", "please",
    "thanks", "tomorrow", "today", "yesterday", "morning", "evening", "attached", "draft",
    "final", "version", "update", "question", "answer", "idea", "problem", "solution", "change",
    "request", "order", "payment", "account", "number", "address", "we", "you", "they", "it",
    "is", "are", "was", "will", "can", "should", "have", "has", "been", "sent", "found", "made",
    "kept", "read", "write", "open",
)  # fmt: skip
SUBJECTS = (
    "Minutes of the meeting", "Your order", "Invoice", "Weekend plans", "Re: Draft contract",
    "Fwd: Photos", "Newsletter", "Travel itinerary", "Reminder", "Question about the report",
    "Re: Re: Budget", "Concert tickets", "School trip", "Welcome", "Security notice",
)  # fmt: skip
FOREIGN_SUBJECTS = (
    "Grüße aus Köln", "Réunion reportée à l'été", "Приглашение на встречу", "会議の議事録について",
    "年度报告草稿", "Πρόσκληση σε γεύμα", "דוח שבועי", "Zażółć gęślą jaźń", "🎉 Party 🎂",
)  # fmt: skip
FIRST_NAMES = (
    "Alice", "Bruno", "Chiara", "Dmitri", "Élodie", "Farid", "Grace", "Hiroshi", "Ines", "Jörg",
    "Kavya", "Lars", "Mei", "Nadia", "Oluwaseun", "Petra",
)  # fmt: skip
LAST_NAMES = (
    "Abel", "Bianchi", "Castillo", "Dubois", "Eriksen", "Fischer", "García", "Horvat", "Ivanova",
    "Jensen", "Kowalski", "Lindqvist", "Müller", "Nakamura", "O'Brien", "Patel",
)  # fmt: skip
DOMAINS = (
    "example.com", "example.org", "example.net", "mail.example.com", "news.example.org",
)  # fmt: skip
CHARSET_TEXTS = (
    ("iso-8859-1", "Schöne Grüße aus Köln, à bientôt, ¿qué tal?"),
    ("iso-8859-15", "Der Preis beträgt 20 € für die Übernachtung."),
    ("windows-1252", "“Curly quotes” and an ellipsis… naïve café"),
    ("windows-1251", "Добрый день! Высылаю отчёт за прошлую неделю."),
    ("koi8-r", "Здравствуйте, встреча переносится на завтра."),
    ("iso-8859-2", "Zażółć gęślą jaźń, příliš žluťoučký kůň."),
    ("iso-2022-jp", "会議の議事録をお送りします。よろしくお願いします。"),
    ("shift_jis", "明日の予定を確認してください。"),
    ("gb2312", "请查收附件中的年度报告。"),
    ("big5", "請查收附件中的年度報告。"),
    ("euc-kr", "내일 회의 자료를 보내드립니다."),
    ("iso-8859-7", "Καλημέρα, σας στέλνω την πρόσκληση."),
    ("utf-8", "Emoji 🎉, ελληνικά, עברית, 中文 in one line."),
)
