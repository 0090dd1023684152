// The house's rules, to tell them from what was changed. A test holds them against a server on which nothing was changed.
const WINDOWS = [
  { kinds: ['payment'], valid_hours: null, per_day: null, in_all: null, notice: 'strong' },
  { kinds: ['menu_click', 'message'], valid_hours: 168, per_day: 3, in_all: null, notice: 'normal' },
  { kinds: ['scan_subscribe'], valid_hours: 48, per_day: null, in_all: 1, notice: 'weak' },
];
const ALL = { per: 'day', over: 'all', limit: 3 };

/** As `policies` of GET /api/v1/policies, in the order in which the rules are asked. */
export function house(category) {
  const marketing = category === 'marketing';
  return {
    suppression: { mode: 'enforce', opt_out_words: ['退订', 'TD', '投诉', '取消推送'], opt_out_of: 'marketing' },
    content: { mode: 'enforce', doubtful: 'hold' },
    reach: { mode: 'enforce', windows: WINDOWS },
    frequency: { mode: 'enforce', caps: marketing ? [ALL, { per: 'day', over: 'category', limit: 1 }] : [ALL], exempt: marketing ? [] : ['payment'], exceeded: 'refuse' },
    repeat: { mode: 'enforce', within_s: 60 },
    quiet_hours: { mode: marketing ? 'enforce' : 'off', from: '22:00', to: '08:00' },
    brake: { mode: 'enforce', score: 60, sample: 500, days: 7 },
  };
}
