-- The rows of `message` in order of acceptance, whatever their accounts. In a table WITHOUT ROWID a row of 700 bytes
-- lies in its account's part of the tree, also in the tree's inner pages: with many accounts in one commit nearly every
-- row was a page to write. Now only the narrow key does so, and the rows of a commit lie side by side.
--
-- And the try that WeChat took stands in the row that says so, where there is nothing else to tell of it: nearly every
-- message has that one try and no other. `dispatch` keeps all other tries.

CREATE TABLE message_in_order (
  account BIGINT NOT NULL,
  id BIGINT NOT NULL,
  state TEXT NOT NULL,
  cause TEXT,
  attempts BIGINT NOT NULL,
  scheduled BOOLEAN NOT NULL,
  lane BIGINT NOT NULL,
  accepted_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  deadline_at BIGINT NOT NULL,
  expires_at BIGINT,
  doubt_since BIGINT,
  on_unknown TEXT NOT NULL,
  msgid BIGINT, -- WeChat's unsigned 64 bits, the same bits signed
  sent_at BIGINT,
  settled_at BIGINT,
  recipient BLOB NOT NULL, -- blind index of the openid
  client_msg_id TEXT,
  body_hash BLOB, -- keyed hash of openid, template and content, where there is a client_msg_id
  template_id TEXT NOT NULL,
  scenario TEXT,
  category TEXT NOT NULL,
  basis TEXT,
  judged_at BIGINT, -- when a claim took from the recipient what the message costs; NULL: nothing is taken
  reached_by TEXT, -- the window it goes by
  counted BOOLEAN NOT NULL, -- whether the caps counted it
  claim BIGINT, -- of the try that WeChat took; NULL: that is a row of `dispatch`, or there was none
  claimed_at BIGINT, -- when that claim was made
  took_ms BIGINT, -- how long that try took; it came back at sent_at, with msgid
  body BLOB NOT NULL, -- openid and content, sealed together
  PRIMARY KEY (account, id)
);

INSERT INTO message_in_order (account, id, state, cause, attempts, scheduled, lane, accepted_at, due_at, deadline_at,
  expires_at, doubt_since, on_unknown, msgid, sent_at, settled_at, recipient, client_msg_id, body_hash, template_id,
  scenario, category, basis, judged_at, reached_by, counted, body)
SELECT account, id, state, cause, attempts, scheduled, lane, accepted_at, due_at, deadline_at, expires_at, doubt_since,
  on_unknown, msgid, sent_at, settled_at, recipient, client_msg_id, body_hash, template_id, scenario, category, basis,
  judged_at, reached_by, counted, body
FROM message
ORDER BY id;

DROP TABLE message;

ALTER TABLE message_in_order RENAME TO message;

CREATE UNIQUE INDEX message_client ON message (account, client_msg_id)
  WHERE client_msg_id IS NOT NULL;

-- Blind indexes are random: one tree of all of them would touch a page of its own for every insert, and with ten
-- million rows those pages are not in memory. With the hour in front an insert touches only this hour's pages, and
-- accounts that write little share them; a look-up asks hour by hour.
CREATE INDEX message_recipient ON message (accepted_at / 3600000, account, recipient, id);

-- The queue: finished rows are not in it, so its size is that of the backlog.
CREATE INDEX message_ready ON message (account, lane, deadline_at, id, expires_at)
  WHERE state = 'pending' AND NOT scheduled;

CREATE INDEX message_scheduled ON message (due_at)
  WHERE state = 'pending' AND scheduled;

-- What a receipt may still settle. WeChat's numbers rise in every account alike: with them in front, sends of many
-- accounts touch one page at the end and not one page an account.
CREATE INDEX message_awaited ON message (msgid, account)
  WHERE state IN ('sent', 'unknown');

-- What WeChat took or may have taken without telling its number: few. A receipt finds it by the person.
CREATE INDEX message_unnamed ON message (account, recipient, id)
  WHERE msgid IS NULL AND state IN ('sent', 'unknown');

CREATE INDEX message_sent ON message (sent_at)
  WHERE state = 'sent';

-- OR, not IN: for a list of more than two SQLite builds a table in memory at every write of the row.
CREATE INDEX message_trouble ON message (account, state, id)
  WHERE state = 'failed' OR state = 'suppressed' OR state = 'unknown' OR state = 'cancelled';

-- The table that went took with it what was told of its indexes (see V1).
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('message', 'sqlite_autoindex_message_1', '10000000 1000000 1'),
  ('message', 'message_client', '10000000 1000000 1'),
  ('message', 'message_recipient', '10000000 5000000 5000 2 1'),
  ('message', 'message_ready', '100000 1000 500 2 1 1'),
  ('message', 'message_scheduled', '10000 2'),
  ('message', 'message_awaited', '100000 2 1'),
  ('message', 'message_unnamed', '1000 500 2 1'),
  ('message', 'message_sent', '100000 2'),
  ('message', 'message_trouble', '100000 1000 500 1');
