//! The 41 industries, and the two that an account has chosen.

use crate::clock::month_of;
use crate::errcode::Refusal;

/// First and second class of each code from 1 on, by the names that live answers have: WxJava finds them by equality.
const INDUSTRIES: [(&str, &str); 41] = [
    ("IT科技", "互联网|电子商务"),
    ("IT科技", "IT软件与服务"),
    ("IT科技", "IT硬件与设备"),
    ("IT科技", "电子技术"),
    ("IT科技", "通信与运营商"),
    ("IT科技", "网络游戏"),
    ("金融业", "银行"),
    ("金融业", "证券基金理财信托"),
    ("金融业", "保险"),
    ("餐饮", "餐饮"),
    ("酒店旅游", "酒店"),
    ("酒店旅游", "旅游"),
    ("运输与仓储", "快递"),
    ("运输与仓储", "物流"),
    ("运输与仓储", "仓储"),
    ("教育", "培训"),
    ("教育", "院校"),
    ("政府与公共事业", "学术科研"),
    ("政府与公共事业", "交警"),
    ("政府与公共事业", "博物馆"),
    ("政府与公共事业", "公共事业非盈利机构"),
    ("医药护理", "医药医疗"),
    ("医药护理", "护理美容"),
    ("医药护理", "保健与卫生"),
    ("交通工具", "汽车相关"),
    ("交通工具", "摩托车相关"),
    ("交通工具", "火车相关"),
    ("交通工具", "飞机相关"),
    ("房地产", "建筑"),
    ("房地产", "物业"),
    ("消费品", "消费品"),
    ("商业服务", "法律"),
    ("商业服务", "会展"),
    ("商业服务", "中介服务"),
    ("商业服务", "认证"),
    ("商业服务", "审计"),
    ("文体娱乐", "传媒"),
    ("文体娱乐", "体育"),
    ("文体娱乐", "娱乐休闲"),
    ("印刷", "印刷"),
    ("其他", "其他"),
];

/// The industries of one account; the first and the second until it chooses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndustryChoice {
    primary: usize,
    secondary: usize,
    chosen_in: Option<i64>,
}

impl Default for IndustryChoice {
    fn default() -> IndustryChoice {
        IndustryChoice { primary: 0, secondary: 1, chosen_in: None }
    }
}

impl IndustryChoice {
    /// Chooses by code, once a calendar month: 43100 beyond, 40097 for a code that is none.
    pub(crate) fn choose(&mut self, primary: u64, secondary: u64, now_ms: i64) -> Result<(), Refusal> {
        let index = |code: u64| {
            usize::try_from(code)
                .ok()
                .and_then(|code| code.checked_sub(1))
                .filter(|index| *index < INDUSTRIES.len())
        };
        let (Some(primary), Some(secondary)) = (index(primary), index(secondary)) else {
            return Err(Refusal::of(40097));
        };
        if self.chosen_in == Some(month_of(now_ms)) {
            return Err(Refusal::of(43100));
        }
        *self = IndustryChoice { primary, secondary, chosen_in: Some(month_of(now_ms)) };
        Ok(())
    }

    /// First and second class of the primary industry, then of the secondary.
    pub(crate) fn names(&self) -> [(&'static str, &'static str); 2] {
        [INDUSTRIES[self.primary], INDUSTRIES[self.secondary]]
    }
}
