-- By which word list its words were looked at; -1: a person approved them; NULL: nobody looked.
ALTER TABLE message ADD COLUMN words BIGINT;
-- The wording of an A/B test that its recipient got.
ALTER TABLE message ADD COLUMN variant TEXT;
-- Whether its link goes through us, so that a tap on it is counted.
ALTER TABLE message ADD COLUMN tracked BOOLEAN NOT NULL DEFAULT FALSE;

-- Every word list there was; the newest of an account is in force, unless it was taken back. account 0: of all.
CREATE TABLE word_list (
  account BIGINT NOT NULL,
  version BIGINT NOT NULL, -- counts up over all accounts
  list TEXT, -- one word a line; NULL: taken back
  pinyin TEXT NOT NULL,
  words BIGINT NOT NULL, -- how many
  since BIGINT NOT NULL,
  PRIMARY KEY (account, version)
) WITHOUT ROWID;

-- What waits, or waited, for a person's word. A message's has the message's number.
CREATE TABLE approval (
  account BIGINT NOT NULL,
  id BIGINT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  alike TEXT NOT NULL, -- the same for the same words in the same template
  findings TEXT NOT NULL, -- JSON: words of the list and their places, nothing of the message
  asked_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL, -- where it stood before it was held
  deadline_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  decided_at BIGINT,
  decided_by TEXT,
  reason TEXT,
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

CREATE INDEX approval_waiting ON approval (account, alike, id)
  WHERE state = 'waiting';

-- Taps on the link of a message, machines left out.
CREATE TABLE click (
  account BIGINT NOT NULL,
  message BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (account, message)
) WITHOUT ROWID;

-- Messages with a link that is counted, by the day of acceptance: how many were sent, how many of those were tapped, how
-- often.
CREATE TABLE click_tally (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  scenario TEXT NOT NULL, -- '': none
  variant TEXT NOT NULL, -- '': none
  sent BIGINT NOT NULL,
  clicked BIGINT NOT NULL,
  clicks BIGINT NOT NULL,
  PRIMARY KEY (account, day, template_id, scenario, variant)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('word_list', 'word_list', '100 10 1'),
  ('approval', 'approval', '100000 10000 1'),
  ('approval', 'approval_waiting', '10000 1000 100 1'),
  ('click', 'click', '1000000 100000 1'),
  ('click_tally', 'click_tally', '100000 10000 100 10 2 1');
