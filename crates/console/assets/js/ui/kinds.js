// The types of a template's fields: what they are called, what may stand in them, and a value that fits.
import { has, t, words } from '../i18n.js';

words({
  zh: {
    'kind.thing': '事物', 'kind.number': '数字', 'kind.letter': '字母', 'kind.symbol': '符号', 'kind.character_string': '字符串', 'kind.time': '时间', 'kind.date': '日期', 'kind.amount': '金额', 'kind.phone_number': '电话', 'kind.car_number': '车牌', 'kind.name': '姓名', 'kind.phrase': '汉字', 'kind.const': '常量', 'kind.enum': '枚举', 'kind.enum_string': '枚举文字', 'kind.short_thing': '短事物', 'kind.first': '首行', 'kind.keyword': '关键词', 'kind.remark': '备注', 'kind.plain': '文字',
    'fits.thing': '20 个字符以内', 'fits.number': '32 位以内数字，可带小数', 'fits.letter': '32 个以内字母', 'fits.symbol': '5 个以内符号', 'fits.character_string': '32 个以内数字、字母或符号', 'fits.time': '24 小时制，如 2026年11月23日 15:01', 'fits.date': '如 2026年11月23日', 'fits.amount': '币种符号加 10 位以内数字', 'fits.phone_number': '17 个以内数字和符号', 'fits.car_number': '8 个字符以内', 'fits.name': '10 个以内汉字或 20 个以内字母', 'fits.phrase': '5 个以内汉字', 'fits.const': '微信审核通过的值', 'fits.enum': '模板库列出的值', 'fits.enum_string': '模板库列出的值', 'fits.short_thing': '20 个字符以内', 'fits.first': '2023 年起手机上不显示', 'fits.keyword': '手机上显示前 20 个字符', 'fits.remark': '2023 年起手机上不显示', 'fits.plain': '手机上显示前 20 个字符',
    'fits.granted': '微信已放宽到 {n} 个字符',
  },
  en: {
    'kind.thing': 'thing', 'kind.number': 'number', 'kind.letter': 'letters', 'kind.symbol': 'symbols', 'kind.character_string': 'characters', 'kind.time': 'time', 'kind.date': 'date', 'kind.amount': 'amount', 'kind.phone_number': 'phone number', 'kind.car_number': 'number plate', 'kind.name': 'name', 'kind.phrase': 'phrase', 'kind.const': 'constant', 'kind.enum': 'choice', 'kind.enum_string': 'choice of texts', 'kind.short_thing': 'short thing', 'kind.first': 'head line', 'kind.keyword': 'keyword', 'kind.remark': 'remark', 'kind.plain': 'text',
    'fits.thing': 'up to 20 characters', 'fits.number': 'up to 32 digits, decimals allowed', 'fits.letter': 'up to 32 letters', 'fits.symbol': 'up to 5 symbols', 'fits.character_string': 'up to 32 digits, letters or symbols', 'fits.time': '24 hours, like 2026-11-23 15:01', 'fits.date': 'like 2026-11-23', 'fits.amount': 'a currency sign and up to 10 digits', 'fits.phone_number': 'up to 17 digits and symbols', 'fits.car_number': 'up to 8 characters', 'fits.name': 'up to 10 Chinese characters or 20 letters', 'fits.phrase': 'up to 5 Chinese characters', 'fits.const': 'a value that WeChat approved', 'fits.enum': 'a value that the library lists', 'fits.enum_string': 'a value that the library lists', 'fits.short_thing': 'up to 20 characters', 'fits.first': 'not shown on phones since 2023', 'fits.keyword': 'phones show 20 characters', 'fits.remark': 'not shown on phones since 2023', 'fits.plain': 'phones show 20 characters',
    'fits.granted': 'WeChat granted {n} characters',
  },
});

/** The types that new templates may have. */
export const KINDS = ['thing', 'character_string', 'time', 'date', 'amount', 'number', 'name', 'phrase', 'phone_number', 'car_number', 'letter', 'symbol', 'const', 'enum', 'enum_string', 'short_thing'];

/** What a type is called. */
export const kindName = (kind) => (has(`kind.${kind}`) ? t(`kind.${kind}`) : kind);

/** What may stand in a field: `{kind, limit}`. */
export const fits = ({ kind, limit }) => (limit ? t('fits.granted', { n: limit }) : has(`fits.${kind}`) ? t(`fits.${kind}`) : '');

const SAMPLES = { thing: '示例', short_thing: '示例', keyword: '示例', plain: '示例', number: '1', letter: 'A', symbol: '*', character_string: 'A20261123001', time: '2026-11-23 12:00', date: '2026-11-23', amount: '¥12.50', phone_number: '021-12345678', car_number: '粤A12345', name: '张三', phrase: '已完成' };

/** A value that fits the type; empty where only WeChat knows one. */
export const sampleOf = (kind) => SAMPLES[kind] || '';

/** A value for each field of a template: out of WeChat's own example where its line is found there, else one that fits. */
export function samples({ content, example, fields }) {
  const lines = (example || '').split('\n');
  const found = {};
  content.split('\n').forEach((line, at) => {
    const [, before, name] = /^(.*?)\{\{(\w+)\.DATA\}\}\s*$/.exec(line) || [];
    if (name && before && lines[at]?.startsWith(before)) found[name] = lines[at].slice(before.length).trim();
  });
  return Object.fromEntries(fields.map(({ name, kind }) => [name, found[name] || sampleOf(kind)]));
}
