//! What expressions see: the params by name, and in a merged message `items` and `count`.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use crate::param::{Declared, Read};

/// The params of each trigger of a merged message; of the only one else.
pub(crate) const ITEMS: &str = "items";
/// How many triggers.
pub(crate) const COUNT: &str = "count";

/// One trigger's params. As an item it has no items of its own.
#[derive(Debug)]
struct Scope {
    declared: Declared,
    values: Vec<Option<Value>>,
    items: Option<Items>,
}

/// The triggers of a message.
#[derive(Debug)]
struct Items {
    count: usize,
    /// Their params; none where there is only one trigger.
    list: Option<Value>,
}

/// An item: params by name.
pub(crate) fn item(declared: &Declared, read: Vec<Option<Read>>) -> Value {
    Value::from_object(Scope { declared: declared.clone(), values: values(read), items: None })
}

/// All that an expression sees.
pub(crate) fn scope(declared: &Declared, read: Vec<Option<Read>>, items: Vec<Value>) -> Value {
    let count = items.len().max(1);
    let list = (!items.is_empty()).then(|| items.into());
    let items = Some(Items { count, list });
    Value::from_object(Scope { declared: declared.clone(), values: values(read), items })
}

fn values(read: Vec<Option<Read>>) -> Vec<Option<Value>> {
    read.into_iter().map(|read| read.map(|read| read.value)).collect()
}

impl Object for Scope {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some(place) = self.declared.keys().position(|declared| declared == name) {
            return self.values.get(place)?.clone();
        }
        let items = self.items.as_ref()?;
        match name {
            COUNT => Some(items.count.into()),
            ITEMS => Some(match &items.list {
                Some(list) => list.clone(),
                None => vec![Value::from_dyn_object(self.clone())].into(),
            }),
            _ => None,
        }
    }
}
