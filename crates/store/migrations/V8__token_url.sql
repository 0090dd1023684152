-- The address of an outside token centre may hold a key: from here on it is sealed in `account.secrets`. What is here
-- already is moved when the store is opened, since sealing takes the master key (`accounts::seal_token_urls`); the
-- column stays empty from then on.
UPDATE account
SET token_url = NULL
WHERE token_source <> 'outside';
