-- Rules that an operator changed or made; what is not here is as it came (domain::alert::ready).
CREATE TABLE alert_rule (
  account BIGINT NOT NULL, -- 0
  id TEXT NOT NULL,
  rule TEXT NOT NULL, -- domain::AlertRule as JSON
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

-- By what people are told.
CREATE TABLE alert_channel (
  account BIGINT NOT NULL, -- 0
  id TEXT NOT NULL,
  channel TEXT NOT NULL, -- what is no secret, as JSON
  secrets BLOB NOT NULL, -- sealed: a robot's URL is its key
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

-- What a rule found: the last time it did.
CREATE TABLE alert (
  account BIGINT NOT NULL,
  rule TEXT NOT NULL,
  template_id TEXT NOT NULL, -- '': the account
  state TEXT NOT NULL,
  standing TEXT NOT NULL, -- domain::alert::Standing as JSON
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (account, rule, template_id)
) WITHOUT ROWID;

-- What is or was told, to one channel each: outbox and log in one.
CREATE TABLE alert_note (
  account BIGINT NOT NULL,
  id BIGINT NOT NULL, -- counts up over all accounts
  channel TEXT NOT NULL,
  rule TEXT NOT NULL,
  template_id TEXT NOT NULL,
  news TEXT NOT NULL,
  words TEXT NOT NULL, -- title, lines and link, as JSON
  at BIGINT NOT NULL,
  state TEXT NOT NULL, -- queued, sent, failed
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  error TEXT,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

CREATE INDEX alert_note_queued ON alert_note (next_at, account, id)
  WHERE state = 'queued';

-- Businesses that are told what became of their messages.
CREATE TABLE webhook (
  account BIGINT NOT NULL, -- 0
  id TEXT NOT NULL,
  webhook TEXT NOT NULL, -- what is no secret, as JSON
  secrets BLOB NOT NULL, -- sealed: URL and signing secret
  seq BIGINT NOT NULL, -- told up to this row of settled_log
  nth BIGINT NOT NULL, -- and so many of the next row
  failures BIGINT NOT NULL, -- in a row
  failing_since BIGINT,
  next_at BIGINT NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

-- The messages a commit brought to their end, in order: one row a commit, and only while there is a webhook.
CREATE TABLE settled_log (
  account BIGINT NOT NULL, -- 0: a commit is of many
  seq BIGINT NOT NULL, -- counts up, never again
  at BIGINT NOT NULL,
  events BLOB NOT NULL,
  PRIMARY KEY (account, seq)
) WITHOUT ROWID;

CREATE INDEX settled_log_at ON settled_log (account, at, seq);

-- The tries to tell a webhook, the last thousand of each.
CREATE TABLE webhook_delivery (
  account BIGINT NOT NULL, -- 0
  webhook TEXT NOT NULL,
  id BIGINT NOT NULL, -- counts up in its webhook
  at BIGINT NOT NULL,
  webhook_id TEXT NOT NULL, -- the header: the same for every try of the same events
  events BIGINT NOT NULL,
  status BIGINT, -- HTTP
  error TEXT,
  took_ms BIGINT NOT NULL,
  PRIMARY KEY (account, webhook, id)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('alert_rule', 'alert_rule', '20 20 1'),
  ('alert_channel', 'alert_channel', '10 10 1'),
  ('alert', 'alert', '1000 10 2 1'),
  ('alert_note', 'alert_note', '10000 1000 1'),
  ('alert_note', 'alert_note_queued', '10 2 1 1'),
  ('webhook', 'webhook', '10 10 1'),
  ('settled_log', 'settled_log', '100000 100000 1'),
  ('settled_log', 'settled_log_at', '100000 100000 2 1'),
  ('webhook_delivery', 'webhook_delivery', '10000 10000 1000 1');
