// Whether the installation can do its work, and how it is kept: backups and bringing them back.
import { html } from '../../lib.js';
import { api } from '../../api.js';
import { t, words } from '../../i18n.js';
import { useData } from '../../live.js';
import { Link } from '../../router.js';
import { Badge, Card, Command, Loading, Trouble } from '../../ui/basic.js';

words({
  zh: {
    'health.ready': '就绪', 'health.held': '全部停发', 'health.not_ready': '未就绪', 'health.status': '状态', 'health.version': '版本', 'health.check_store': '数据库', 'health.check_engine': '调度', 'health.check_accounts': '公众号', 'health.check_dispatch': '发送', 'health.ok': '正常', 'health.bad': '异常', 'health.store_ok': '可读可写', 'health.engine_ok': '本进程负责这个数据库的全部公众号', 'health.accounts_ok': '见队列页', 'health.dispatch_ok': '可以发送', 'health.dispatch_bad': '已全部停发：在队列页恢复',
    'health.queue': '打开队列', 'health.metrics': 'Prometheus 指标', 'health.backup': '备份', 'health.backup_note': '数据库：{store}。运行中即可备份；在服务所在的机器上执行：', 'health.key_note': '主密钥（{file}）不在备份里，请另行保管：没有它，备份无法读取。', 'health.key_given': '主密钥由环境变量或配置给出，不在备份里，请另行保管：没有它，备份无法读取。', 'health.restore': '恢复：停止服务后执行，恢复出来的数据库先处于停发状态，在队列页恢复发送：',
  },
  en: {
    'health.ready': 'ready', 'health.held': 'everything is held', 'health.not_ready': 'not ready', 'health.status': 'State', 'health.version': 'Version', 'health.check_store': 'Store', 'health.check_engine': 'Dispatcher', 'health.check_accounts': 'Accounts', 'health.check_dispatch': 'Sending', 'health.ok': 'fine', 'health.bad': 'wrong', 'health.store_ok': 'reads and writes', 'health.engine_ok': 'this process has all accounts of the store', 'health.accounts_ok': 'see the queue', 'health.dispatch_ok': 'may send', 'health.dispatch_bad': 'held: release it on the page of the queue',
    'health.queue': 'Open the queue', 'health.metrics': 'Prometheus metrics', 'health.backup': 'Backups', 'health.backup_note': 'Store: {store}. It is backed up while it runs; on the server’s machine:', 'health.key_note': 'The master key ({file}) is not in it: keep it apart. Without it a backup cannot be read.', 'health.key_given': 'The master key comes from the environment or the settings and is not in it: keep it apart. Without it a backup cannot be read.', 'health.restore': 'To bring one back, stop the server. A restored store is held at first: release it on the page of the queue.',
  },
});

const EVERY_MS = 10000;

/** Not ready is an answer too: 503 with the reasons. */
const readiness = (signal) => api.get('/readyz', {}, signal).catch((problem) => {
  if (problem.body?.checks) return problem.body;
  throw problem;
});

const TONES = { ready: 'good', held: 'warn', not_ready: 'bad' };

function Check({ name, ok, detail }) {
  const words = t(`health.${name}_${ok ? 'ok' : 'bad'}`);
  const said = ok || name === 'dispatch' ? words : detail;
  return html`<li class="check-row" data-check=${name}><${Badge} tone=${ok ? 'good' : 'bad'}>${t(ok ? 'health.ok' : 'health.bad')}<//><p><strong>${t(`health.check_${name}`)}</strong> ${said}</p></li>`;
}

function Backup({ of }) {
  const file = of('secrets.master_key_file');
  const given = of('secrets.master_key');
  return html`<${Card} title=${t('health.backup')} data-part="backup"><p>${t('health.backup_note', { store: of('store.url') })}</p><${Command}>hongyan backup ./hongyan-backup.db<//>
    <p class="warn-text">${given ? t('health.key_given') : t('health.key_note', { file })}</p><p>${t('health.restore')}</p><${Command}>hongyan restore ./hongyan-backup.db --replace<//><//>`;
}

export default function Health() {
  const ready = useData(readiness, [], EVERY_MS);
  const settings = useData((signal) => api.get('/api/v1/settings', {}, signal), []);
  const of = (key) => settings.data.settings.find((one) => one.key === key)?.value;
  const state = ready.data?.status;
  const aside = state && html`<${Badge} tone=${TONES[state]}>${t(`health.${state}`)}<//>`;
  return html`<div class="columns" data-part="health"><${Card} title=${t('health.status')} aside=${aside}><${Trouble} problem=${ready.problem} again=${ready.again} />${!ready.data && !ready.problem && html`<${Loading} />`}
    ${ready.data && html`<ul class="checks">${ready.data.checks.map((check) => html`<${Check} key=${check.name} ...${check} />`)}</ul>`}
    ${settings.data && html`<p class="faint">${t('health.version')} ${settings.data.version}</p>`}<div class="actions"><${Link} class="button" href="/queue">${t('health.queue')}<//><a class="button" href="/metrics" target="_blank" rel="noopener">${t('health.metrics')}</a></div><//>
    <div><${Trouble} problem=${settings.problem} again=${settings.again} />${settings.data && html`<${Backup} of=${of} />`}</div></div>`;
}
