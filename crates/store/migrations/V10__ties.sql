-- What ties a message to triggers before and after it.

-- The last window of each person, scenario and subject in which triggers become one message.
CREATE TABLE gathering (
  account BIGINT NOT NULL,
  recipient BLOB NOT NULL, -- blind index of the openid
  scenario TEXT NOT NULL,
  subject BLOB NOT NULL, -- keyed hash of what belongs together; of nothing: all of that person
  message BIGINT NOT NULL,
  until BIGINT NOT NULL,
  PRIMARY KEY (account, recipient, scenario, subject)
) WITHOUT ROWID;

CREATE INDEX gathering_until ON gathering (until, account);

-- The triggers of a message that is made of several. Their params are in its body.
CREATE TABLE gathered (
  account BIGINT NOT NULL,
  message BIGINT NOT NULL,
  nth BIGINT NOT NULL, -- from 0, in the order in which they came
  client_msg_id TEXT,
  body_hash BLOB, -- as in message
  at BIGINT NOT NULL,
  PRIMARY KEY (account, message, nth)
) WITHOUT ROWID;

CREATE UNIQUE INDEX gathered_client ON gathered (account, client_msg_id)
  WHERE client_msg_id IS NOT NULL;

-- Messages that an event about the same thing takes back, and which one did.
CREATE TABLE subject (
  account BIGINT NOT NULL,
  recipient BLOB NOT NULL,
  subject BLOB NOT NULL, -- keyed hash of the order, the appointment
  scenario TEXT NOT NULL,
  message BIGINT NOT NULL,
  cancelled_by TEXT,
  cancelled_at BIGINT,
  PRIMARY KEY (account, recipient, subject, scenario, message)
) WITHOUT ROWID;

CREATE INDEX subject_message ON subject (account, message);

-- Events that took something back: what they are to take back may come after them.
CREATE TABLE withdrawal (
  account BIGINT NOT NULL,
  recipient BLOB NOT NULL,
  subject BLOB NOT NULL,
  event TEXT NOT NULL,
  occurred_at BIGINT NOT NULL,
  at BIGINT NOT NULL, -- when it came
  PRIMARY KEY (account, recipient, subject, event)
) WITHOUT ROWID;

CREATE INDEX withdrawal_at ON withdrawal (at, account);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('gathering', 'gathering', '100000 10000 2 1 1'),
  ('gathering', 'gathering_until', '100000 2 1'),
  ('gathered', 'gathered', '1000000 100000 4 1'),
  ('gathered', 'gathered_client', '1000000 100000 1'),
  ('subject', 'subject', '1000000 100000 4 2 1 1'),
  ('subject', 'subject_message', '1000000 100000 1'),
  ('withdrawal', 'withdrawal', '100000 10000 2 1 1'),
  ('withdrawal', 'withdrawal_at', '100000 2 1');
