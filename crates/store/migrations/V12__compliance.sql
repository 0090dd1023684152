-- What compliance is told by: counts of what the rules said, signs of trouble, brakes, and the daily report.

-- What the rules said, where it was not plainly `send`: counted in the transaction that wrote it down; refusals at the
-- door, which leave no message, once a second.
CREATE TABLE judged (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  rule TEXT NOT NULL,
  verdict TEXT NOT NULL,
  observed BOOLEAN NOT NULL, -- the message went all the same
  template_id TEXT NOT NULL,
  scenario TEXT NOT NULL, -- '': none
  count BIGINT NOT NULL,
  PRIMARY KEY (account, day, rule, verdict, observed, template_id, scenario)
) WITHOUT ROWID;

-- Messages that WeChat took, by day and template: counted in memory and added once a second, so that a settle touches no
-- page more.
CREATE TABLE template_sent (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (account, day, template_id)
) WITHOUT ROWID;

-- Signs of trouble, by the day they came: there are few rows, only of templates with any.
CREATE TABLE risk (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  signal TEXT NOT NULL, -- domain::Signal
  count BIGINT NOT NULL,
  PRIMARY KEY (account, day, template_id, signal)
) WITHOUT ROWID;

CREATE INDEX risk_day ON risk (day, account, template_id);

-- Messages that the platform stopped, as queryblocktmplmsg tells them. Their text is not kept: our own row has it.
CREATE TABLE blocked (
  account BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  id BIGINT NOT NULL, -- WeChat's number, the same bits signed
  found BIGINT NOT NULL, -- counts up in its account
  recipient BLOB NOT NULL, -- blind index of the openid
  message BIGINT, -- NULL: none of ours is known by it
  title TEXT NOT NULL,
  blocked_at BIGINT NOT NULL, -- by WeChat's clock
  found_at BIGINT NOT NULL,
  PRIMARY KEY (account, template_id, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX blocked_found ON blocked (account, found);
CREATE INDEX blocked_message ON blocked (account, message)
  WHERE message IS NOT NULL;
CREATE INDEX blocked_recipient ON blocked (account, recipient);

-- How far that list was read.
CREATE TABLE blocked_read (
  account BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  largest_id BIGINT NOT NULL,
  read_at BIGINT NOT NULL,
  PRIMARY KEY (account, template_id)
) WITHOUT ROWID;

-- Complaints, as somebody imported them. Whose they are is a blind index; what they said is not kept.
CREATE TABLE complaint (
  account BIGINT NOT NULL,
  id BIGINT NOT NULL, -- counts up in its account
  reference TEXT, -- the caller's own id
  kind TEXT NOT NULL,
  recipient BLOB, -- NULL: nobody was named
  message BIGINT,
  template_id TEXT NOT NULL, -- '': none is known
  occurred_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX complaint_reference ON complaint (account, reference)
  WHERE reference IS NOT NULL;
CREATE INDEX complaint_message ON complaint (account, message)
  WHERE message IS NOT NULL;
CREATE INDEX complaint_recipient ON complaint (account, recipient)
  WHERE recipient IS NOT NULL;

-- What was stopped because of its risk, until a person lets it go.
CREATE TABLE brake (
  account BIGINT NOT NULL,
  id BIGINT NOT NULL, -- counts up over all accounts
  kind TEXT NOT NULL, -- template
  subject TEXT NOT NULL, -- its id
  observed BOOLEAN NOT NULL, -- the alarm was given, and nothing stopped
  score BIGINT NOT NULL,
  signals TEXT NOT NULL, -- what it was pulled for: domain::Signals as JSON
  pulled_at BIGINT NOT NULL,
  released_at BIGINT,
  released_by TEXT,
  reason TEXT,
  before TEXT, -- what the day of the release had counted by then: it counts no more
  woken BOOLEAN NOT NULL, -- what waited has been let go
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX brake_id ON brake (id);
CREATE UNIQUE INDEX brake_on ON brake (account, kind, subject)
  WHERE released_at IS NULL;

-- The self-check of each day, as it was made.
CREATE TABLE self_check (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  body TEXT NOT NULL, -- JSON without openids
  made_at BIGINT NOT NULL,
  PRIMARY KEY (account, day)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('judged', 'judged', '100000 1000 50 20 10 8 2 1'),
  ('template_sent', 'template_sent', '100000 1000 5 1'),
  ('risk', 'risk', '10000 100 5 2 1'),
  ('risk', 'risk_day', '10000 300 5 2'),
  ('blocked', 'blocked', '10000 100 20 1'),
  ('blocked', 'blocked_found', '10000 100 1'),
  ('blocked', 'blocked_message', '10000 100 1'),
  ('blocked', 'blocked_recipient', '10000 100 1'),
  ('blocked_read', 'blocked_read', '10000 20 1'),
  ('complaint', 'complaint', '10000 100 1'),
  ('complaint', 'complaint_reference', '10000 100 1'),
  ('complaint', 'complaint_message', '10000 100 1'),
  ('complaint', 'complaint_recipient', '10000 100 1'),
  ('brake', 'brake', '1000 10 1'),
  ('brake', 'brake_id', '1000 1'),
  ('brake', 'brake_on', '10 2 2 1'),
  ('self_check', 'self_check', '10000 20 1');
