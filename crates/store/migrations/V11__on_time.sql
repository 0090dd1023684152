-- Whether messages were with WeChat when they should be, by day of acceptance and scenario. Lateness is in
-- milliseconds, by the step in which it came about.
CREATE TABLE on_time (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  scenario TEXT NOT NULL, -- '': of none
  on_time BIGINT NOT NULL,
  late BIGINT NOT NULL,
  expired BIGINT NOT NULL,
  late_ms BIGINT NOT NULL,
  hold_ms BIGINT NOT NULL,
  pause_ms BIGINT NOT NULL,
  pace_ms BIGINT NOT NULL,
  claim_ms BIGINT NOT NULL,
  wechat_ms BIGINT NOT NULL,
  PRIMARY KEY (account, day, scenario)
) WITHOUT ROWID;

-- Of a try of a late message: how long its account had stood still while it waited. It goes with the row of the try.
ALTER TABLE dispatch ADD COLUMN paused_ms BIGINT;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('on_time', 'on_time', '100000 1000 5 1');
