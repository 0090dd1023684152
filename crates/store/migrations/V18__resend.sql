-- Messages whose content went to its person once more, as another message.
CREATE TABLE resend (
  account BIGINT NOT NULL,
  message BIGINT NOT NULL, -- whose content
  again BIGINT NOT NULL, -- the message that was made of it
  at BIGINT NOT NULL,
  PRIMARY KEY (account, message, again)
) WITHOUT ROWID;

CREATE INDEX resend_again ON resend (account, again);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('resend', 'resend', '10000 1000 2 1'),
  ('resend', 'resend_again', '10000 1000 1');
