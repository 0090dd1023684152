-- What a person applies for in WeChat's console, and what is known of templates besides their text.

-- Applications for custom templates. WeChat has no API for them: they are prepared and tracked here.
CREATE TABLE application (
  account BIGINT NOT NULL,
  id BIGINT NOT NULL, -- counts up in its account
  state TEXT NOT NULL,
  body TEXT NOT NULL, -- what is applied for, as JSON
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  submitted_at BIGINT, -- the last time
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

-- Every state that an application entered. The submits of a month are counted here.
CREATE TABLE application_step (
  account BIGINT NOT NULL,
  application BIGINT NOT NULL,
  nth BIGINT NOT NULL,
  at BIGINT NOT NULL,
  state TEXT NOT NULL,
  reviewer TEXT, -- of an answer of WeChat's
  reason TEXT,
  template_id TEXT, -- what it became
  PRIMARY KEY (account, application, nth)
) WITHOUT ROWID;

-- What somebody else added, changed or deleted at WeChat, as a sync found it.
CREATE TABLE template_notice (
  account BIGINT NOT NULL,
  id BIGINT NOT NULL, -- counts up in its account
  at BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  title TEXT NOT NULL,
  kind TEXT NOT NULL, -- added, changed, removed
  changed TEXT NOT NULL, -- names of columns of template_version, comma between
  PRIMARY KEY (account, id)
) WITHOUT ROWID;

-- Longer values that WeChat granted to a field of one template.
CREATE TABLE template_grant (
  account BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  field TEXT NOT NULL,
  max BIGINT NOT NULL,
  PRIMARY KEY (account, template_id, field)
) WITHOUT ROWID;

-- Messages accepted, by day and template: who uses a template is read here and not from the messages.
CREATE TABLE template_use (
  account BIGINT NOT NULL,
  day BIGINT NOT NULL,
  template_id TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (account, day, template_id)
) WITHOUT ROWID;

-- The last change of an account's industries that we made.
CREATE TABLE industry_change (
  account BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  primary_code BIGINT NOT NULL,
  secondary_code BIGINT NOT NULL
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('application', 'application', '1000 10 1'),
  ('application_step', 'application_step', '5000 50 5 1'),
  ('template_notice', 'template_notice', '10000 100 1'),
  ('template_grant', 'template_grant', '1000 20 2 1'),
  ('template_use', 'template_use', '100000 1000 5 1'),
  ('industry_change', 'industry_change', '1000 1');
