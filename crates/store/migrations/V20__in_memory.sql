-- What its owner holds in memory from its acceptance on needs no place in the queue: it is only read again after a crash.
-- Many accounts in one commit are a page of the queue each, when a message comes and again when it goes; in order of age
-- they lie side by side.
ALTER TABLE message ADD COLUMN in_memory BOOLEAN NOT NULL DEFAULT FALSE;

DROP INDEX message_ready;

CREATE INDEX message_ready ON message (account, lane, deadline_at, id, expires_at)
  WHERE state = 'pending' AND NOT scheduled AND NOT in_memory;

CREATE INDEX message_in_memory ON message (id, account, lane, deadline_at, state, in_memory)
  WHERE state = 'pending' AND in_memory;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('message', 'message_ready', '100000 1000 500 2 1 1'),
  ('message', 'message_in_memory', '50000 1 1 1 1 1 1');
