-- Times are Unix milliseconds, days are days since 1970 in Asia/Shanghai, states, causes and kinds are words.
-- Every primary key starts with the account; account 0 is the installation itself.

CREATE TABLE meta (
  account BIGINT NOT NULL,
  name TEXT NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (account, name)
) WITHOUT ROWID;

INSERT INTO meta (account, name, value) VALUES (0, 'epoch', 0), (0, 'revision', 0), (0, 'next_account', 1);

-- Keys wrapped by the master key. purpose: data (seals, by version), index (blind index), pepper (API keys).
CREATE TABLE data_key (
  account BIGINT NOT NULL,
  purpose TEXT NOT NULL,
  version BIGINT NOT NULL,
  wrapped BLOB NOT NULL,
  PRIMARY KEY (account, purpose, version)
) WITHOUT ROWID;

CREATE TABLE account (
  account BIGINT NOT NULL PRIMARY KEY,
  appid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  verified BOOLEAN NOT NULL,
  secrets BLOB NOT NULL, -- AppSecret, callback keys, proxy: sealed together
  base_per_s BIGINT,
  peak_per_s BIGINT,
  daily BIGINT,
  token_source TEXT NOT NULL,
  token_url TEXT,
  paused BOOLEAN NOT NULL,
  paused_until BIGINT,
  paused_reason TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE token (
  account BIGINT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL, -- sealed
  expires_at BIGINT NOT NULL,
  fetched_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE template (
  account BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  removed_at BIGINT,
  PRIMARY KEY (account, template_id)
) WITHOUT ROWID;

CREATE TABLE template_version (
  account BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  title TEXT NOT NULL,
  content TEXT NOT NULL,
  example TEXT NOT NULL,
  primary_industry TEXT NOT NULL,
  deputy_industry TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (account, template_id, version)
) WITHOUT ROWID;

CREATE TABLE api_key (
  account BIGINT NOT NULL, -- 0
  id TEXT NOT NULL,
  hash BLOB NOT NULL, -- HMAC-SHA-256 of the whole text under the pepper
  name TEXT NOT NULL,
  scopes TEXT NOT NULL, -- words, comma between
  accounts TEXT NOT NULL, -- numbers, comma between; empty: all
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  last_used_at BIGINT,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

CREATE TABLE setup_secret (
  account BIGINT NOT NULL PRIMARY KEY, -- 0
  hash BLOB NOT NULL,
  expires_at BIGINT NOT NULL
) WITHOUT ROWID;

-- One row a message. While an open claim holds it, its row still says `pending`: a claim touches no message.
CREATE TABLE message (
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
  body BLOB NOT NULL, -- openid and content, sealed together
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX message_client ON message (account, client_msg_id)
  WHERE client_msg_id IS NOT NULL;

-- Blind indexes are random: one tree of all of them would touch a page of its own for every insert, and with ten
-- million rows those pages are not in memory. With the hour in front an insert touches only this hour's pages; a
-- look-up asks hour by hour.
CREATE INDEX message_recipient ON message (account, accepted_at / 3600000, recipient, id);

-- The queue: finished rows are not in it, so its size is that of the backlog.
CREATE INDEX message_ready ON message (account, lane, deadline_at, id, expires_at)
  WHERE state = 'pending' AND NOT scheduled;

CREATE INDEX message_scheduled ON message (due_at, account, id)
  WHERE state = 'pending' AND scheduled;

-- What a receipt may still settle. WeChat's numbers rise in every account alike: with them in front, sends of many
-- accounts touch one page at the end and not one page an account.
CREATE INDEX message_awaited ON message (msgid, account)
  WHERE state IN ('sent', 'unknown');

-- What WeChat took or may have taken without telling its number: few. A receipt finds it by the person.
CREATE INDEX message_unnamed ON message (account, recipient, id)
  WHERE msgid IS NULL AND state IN ('sent', 'unknown');

CREATE INDEX message_sent ON message (sent_at, account, id)
  WHERE state = 'sent';

-- OR, not IN: for a list of more than two SQLite builds a table in memory at every write of the row.
CREATE INDEX message_trouble ON message (account, state, id)
  WHERE state = 'failed' OR state = 'suppressed' OR state = 'unknown' OR state = 'cancelled';

-- One row a try. A claim tries a message once.
CREATE TABLE dispatch (
  account BIGINT NOT NULL,
  message BIGINT NOT NULL,
  claim BIGINT NOT NULL,
  claimed_at BIGINT NOT NULL,
  at BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  errcode BIGINT,
  errmsg TEXT,
  rid TEXT,
  msgid BIGINT,
  took_ms BIGINT NOT NULL,
  PRIMARY KEY (account, message, claim)
) WITHOUT ROWID;

CREATE INDEX dispatch_errcode ON dispatch (account, errcode, message)
  WHERE errcode <> 0;

-- One row a batch under way; gone when it is closed.
CREATE TABLE claim (
  account BIGINT NOT NULL,
  id BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  at BIGINT NOT NULL,
  messages BLOB NOT NULL, -- ids, eight bytes each, little end first
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

-- A receipt is what it is by its msgid, or, where WeChat says 0, by recipient and time.
CREATE TABLE receipt (
  account BIGINT NOT NULL,
  msgid BIGINT NOT NULL, -- 0: none
  recipient BLOB NOT NULL,
  told_at BIGINT NOT NULL, -- created_at where msgid is 0, else 0
  status TEXT NOT NULL,
  raw BLOB, -- sealed
  created_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  message BIGINT, -- NULL: open, no message is known by it yet
  PRIMARY KEY (account, msgid, recipient, told_at)
) WITHOUT ROWID;

CREATE INDEX receipt_open ON receipt (account, recipient, created_at)
  WHERE message IS NULL;

-- What was purged is still counted; `kept` is how many of `count` can be counted again.
CREATE TABLE tally (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  state TEXT NOT NULL,
  cause TEXT NOT NULL, -- '': none
  count BIGINT NOT NULL,
  kept BIGINT NOT NULL,
  PRIMARY KEY (account, day, state, cause)
) WITHOUT ROWID;

-- Sends that WeChat accepted, by the day they went.
CREATE TABLE sends (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  count BIGINT NOT NULL,
  kept BIGINT NOT NULL,
  PRIMARY KEY (account, day)
) WITHOUT ROWID;

-- How selective the indexes are, told once and for all: without it the planner takes `account = ?` for as good as
-- the whole key, and a look-up reads an account's every row. Never ANALYZE: plans must not change with the data.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('message', 'message', '10000000 1000000 1'),
  ('message', 'message_client', '10000000 1000000 1'),
  ('message', 'message_recipient', '10000000 1000000 5000 2 1'),
  ('message', 'message_ready', '100000 1000 500 2 1 1'),
  ('message', 'message_scheduled', '10000 2 1 1'),
  ('message', 'message_awaited', '100000 2 1'),
  ('message', 'message_unnamed', '1000 500 2 1'),
  ('message', 'message_sent', '100000 2 1 1'),
  ('message', 'message_trouble', '100000 1000 500 1'),
  ('dispatch', 'dispatch', '10000000 1000000 2 1'),
  ('dispatch', 'dispatch_errcode', '100000 1000 100 1'),
  ('receipt', 'receipt', '10000000 1000000 1 1 1'),
  ('receipt', 'receipt_open', '100 50 1 1');
