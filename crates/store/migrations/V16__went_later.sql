-- What went more than a day after it was accepted: planned ahead, or held for long. Few rows, and the others cost nothing
-- here. People leave because of these messages too, and the daily self-check looks at them: by person, and by the day
-- (Asia/Shanghai) on which they went.
CREATE INDEX message_later_person ON message (account, recipient, COALESCE(sent_at, settled_at))
  WHERE COALESCE(sent_at, settled_at) - accepted_at > 86400000;

CREATE INDEX message_later_day ON message (account, (COALESCE(sent_at, settled_at) + 28800000) / 86400000, id)
  WHERE COALESCE(sent_at, settled_at) - accepted_at > 86400000;

-- A look at the last hour of what others changed in the libraries.
CREATE INDEX template_notice_at ON template_notice (at);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('message', 'message_later_person', '100000 10000 2 1'),
  ('message', 'message_later_day', '100000 10000 500 1'),
  ('template_notice', 'template_notice_at', '10000 2');
