//! What a search asks first: each statement goes by an index, newest first.

use crate::message::record::record_columns;

pub(crate) const BY_CLIENT: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id < ?2
  AND id IN (
    SELECT id FROM message WHERE account = ?1 AND client_msg_id = ?3
    UNION
    SELECT message FROM gathered WHERE account = ?1 AND client_msg_id = ?3)
ORDER BY id DESC"
);

// What waits for its receipt has WeChat's number in its row; what has it, in the receipt. A message without either did
// not get that far.
pub(crate) const BY_MSGID: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id < ?2
  AND id IN (
    SELECT id FROM message WHERE msgid = ?3 AND account = ?1 AND state IN ('sent', 'unknown')
    UNION
    SELECT message FROM receipt WHERE account = ?1 AND msgid = ?3 AND message IS NOT NULL)
ORDER BY id DESC"
);

pub(crate) const BY_TROUBLE: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id < ?2
  AND state = ?3
  AND (state = 'failed' OR state = 'suppressed' OR state = 'unknown' OR state = 'cancelled')
ORDER BY id DESC"
);

// CROSS keeps the order: from the few tries with this errcode to their messages. A message that was answered so
// twice comes twice, one after the other.
pub(crate) const BY_ERRCODE: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM (SELECT message AS tried FROM dispatch WHERE account = ?1 AND errcode = ?3 AND errcode <> 0 AND message < ?2)
CROSS JOIN message
WHERE account = ?1
  AND id = tried
ORDER BY tried DESC"
);

pub(crate) const BY_AGE: &str = concat!(
    "SELECT ",
    record_columns!(),
    "
FROM message
WHERE account = ?1
  AND id < ?2
ORDER BY id DESC"
);

/// The ids of an account's rows in a partial index that holds few.
macro_rules! few {
    ($index:literal, $which:literal) => {
        concat!(
            "SELECT id FROM message INDEXED BY ",
            $index,
            " WHERE account = ?1 AND ",
            $which,
            " AND id < ?2 LIMIT ?3"
        )
    };
}

pub(crate) const READY: &str = few!("message_ready", "state = 'pending' AND NOT scheduled AND NOT in_memory");
pub(crate) const IN_MEMORY: &str = few!("message_in_memory", "state = 'pending' AND in_memory");
pub(crate) const SCHEDULED: &str = few!("message_scheduled", "state = 'pending' AND scheduled");
pub(crate) const SENT: &str = few!("message_sent", "state = 'sent'");
