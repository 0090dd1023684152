-- People who use the console, and where they are logged in.

CREATE TABLE user (
  account BIGINT NOT NULL, -- 0
  name TEXT NOT NULL,
  password TEXT NOT NULL, -- argon2id, in PHC form
  role TEXT NOT NULL,
  accounts TEXT NOT NULL, -- numbers, comma between; empty: all
  totp BLOB, -- sealed; null: none
  totp_step BIGINT NOT NULL, -- the newest step that was used: each opens once
  language TEXT,
  disabled_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  last_login_at BIGINT,
  PRIMARY KEY (account, name)
) WITHOUT ROWID;

CREATE TABLE session (
  account BIGINT NOT NULL, -- 0
  hash BLOB NOT NULL, -- HMAC-SHA-256 of the token under the pepper
  user TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  address TEXT NOT NULL,
  agent TEXT NOT NULL,
  PRIMARY KEY (account, hash)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('user', 'user', '20 20 1'),
  ('session', 'session', '100 100 1');
