import type { Maker, Model, Row, Value } from './model.ts';
import { typedText } from './typed-text.ts';

const MS_PER_DAY = 86_400_000;

function day({ now, random }: Maker, daysFrom: number, daysTo: number): string {
  return new Date(now.getTime() + random.between(daysFrom, daysTo) * MS_PER_DAY).toISOString().slice(0, 10);
}

function minute({ now, random }: Maker, daysFrom: number, daysTo: number): string {
  const ms = now.getTime() + random.between(daysFrom * 1440, daysTo * 1440) * 60_000;
  return new Date(ms).toISOString().replace(/:\d\d\.\d+Z$/, ':00Z');
}

function maybe<T extends Value>({ random }: Maker, probability: number, value: T): T | null {
  return random.chance(probability) ? value : null;
}

/** Eleven digits. A collision is unlikely, and would fail the request as in production. */
function number({ random }: Maker): string {
  return String(random.between(1e10, 1e11 - 1));
}

/** Makes one of the given changes. */
function oneOf({ random }: Maker, ...changes: [() => Row, ...(() => Row)[]]): Row {
  return random.pick(changes)();
}

export const project: Model = {
  name: 'project',
  className: 'Project',
  table: 'app_project',
  contentTypeId: 7,
  datetimeColumns: ['updated_at'],
  decimalColumns: [],
  parents: {},
  newFields: (maker) => ({
    enq_id: `ENQ-W${number(maker)}`,
    project_name: typedText(maker.random, maker.random.pick(['โครงการใหม่', 'New project', 'ระบบสำรองไฟ'])),
    company_id: maker.lookup('company'),
    is_dummy: maker.random.chance(0.05),
    project_start: maybe(maker, 0.95, day(maker, -2000, 100)),
    project_end: maybe(maker, 0.9, day(maker, 101, 1500)),
    customer_po: maybe(maker, 0.5, `PO${number(maker)}`),
    contract_no: maker.random.pick([null, '', 'C-1/2569']),
    has_pm: maker.random.chance(0.8),
    pm_des: maybe(maker, 0.3, typedText(maker.random, 'ปีละ 4 ครั้ง')),
  }),
  trackedChange: (maker, row) =>
    oneOf(
      maker,
      () => ({ project_name: typedText(maker.random, `โครงการ ${number(maker)}`) }),
      () => ({
        project_start: maybe(maker, 0.9, day(maker, -2000, 100)),
        project_end: day(maker, 101, 1500),
      }),
      () => ({ company_id: maker.lookup('company'), customer_po: number(maker) }),
      () => ({ has_pm: row.has_pm !== true }),
      () => ({ enq_id: `ENQ-W${number(maker)}` }),
    ),
  untrackedChange: (maker) =>
    oneOf(
      maker,
      () => ({ customer_po: number(maker) }),
      () => ({
        pm_des: typedText(maker.random, number(maker)),
        contract_no: maker.random.pick(['', null, 'C-2']),
      }),
      () => ({}),
    ),
};

export const inventory: Model = {
  name: 'inventory',
  className: 'Inventory',
  table: 'app_inventory',
  contentTypeId: 14,
  datetimeColumns: ['updated_at'],
  decimalColumns: ['purchase_price'],
  parents: { project_id: 'project' },
  newFields: (maker) => ({
    serial_number: typedText(maker.random, `W${number(maker)}`),
    asset_code: maker.random.pick([null, '', 'A-1']),
    quantity: maker.random.between(1, 9),
    product_type_id: maybe(maker, 0.9, maker.lookup('productType')),
    brand_id: maybe(maker, 0.9, maker.lookup('brand')),
    model_id: maybe(maker, 0.9, maker.lookup('model')),
    customer_warranty_start: maybe(maker, 0.9, day(maker, -3000, 200)),
    customer_warranty_end: maybe(maker, 0.9, day(maker, 201, 2000)),
    purchase_price: maybe(maker, 0.7, `${maker.random.between(1, 900_000)}.${maker.random.between(10, 99)}`),
    storage_capacity: maybe(maker, 0.4, maker.random.next() * 100),
    ip_address: maybe(maker, 0.5, `10.1.${maker.random.between(0, 255)}.${maker.random.between(1, 254)}`),
    part_detail: maker.random.pick<Value>([null, {}, { disks: 4, note: 'ช่อง "4"' }]),
    is_dummy: maker.random.chance(0.05),
  }),
  trackedChange: (maker) =>
    oneOf(
      maker,
      () => ({ serial_number: typedText(maker.random, `W${number(maker)}`) }),
      () => ({ customer_warranty_end: maybe(maker, 0.8, day(maker, 0, 2000)) }),
      () => ({
        brand_id: maybe(maker, 0.9, maker.lookup('brand')),
        model_id: maybe(maker, 0.9, maker.lookup('model')),
      }),
      () => ({ product_type_id: maybe(maker, 0.9, maker.lookup('productType')), rack: 'R7' }),
    ),
  untrackedChange: (maker) =>
    oneOf(
      maker,
      () => ({ asset_code: number(maker), storage_capacity: maker.random.next() }),
      () => ({ part_detail: { disks: maker.random.between(0, 24), checked: true } }),
      () => ({}),
    ),
};

export const plan: Model = {
  name: 'plan',
  className: 'PreventiveMaintenance',
  table: 'app_preventivemaintenance',
  contentTypeId: 36,
  datetimeColumns: ['updated_at'],
  decimalColumns: [],
  parents: { project_id: 'project' },
  newFields: (maker) => ({
    planned_date: maybe(maker, 0.95, day(maker, -500, 365)),
    ended_pm_date: maybe(maker, 0.3, day(maker, -300, 0)),
    remark: maker.random.pick([null, '', '1/4', '2/4', 'ครั้งที่ 1']),
    team_lead_id: maybe(maker, 0.9, maker.lookup('employee')),
    engineer_id: maybe(maker, 0.6, maker.lookup('employee')),
    customer_company_id: maybe(maker, 0.9, maker.lookup('company')),
    contact_name: maker.random.pick([null, '', 'คุณสมศรี']),
  }),
  trackedChange: (maker) =>
    oneOf(
      maker,
      () => ({ planned_date: maybe(maker, 0.9, day(maker, -500, 365)), postponed_date: day(maker, 0, 60) }),
      () => ({ ended_pm_date: maybe(maker, 0.8, day(maker, -30, 0)) }),
      () => ({ remark: maybe(maker, 0.8, typedText(maker.random, `ครั้งที่ ${maker.random.between(1, 99)}`)) }),
      () => ({ team_lead_id: maybe(maker, 0.9, maker.lookup('employee')) }),
    ),
  untrackedChange: (maker) =>
    oneOf(
      maker,
      () => ({ contact_name: typedText(maker.random, number(maker)) }),
      () => ({ engineer_id: maker.lookup('employee') }),
      () => ({}),
    ),
};

export const item: Model = {
  name: 'item',
  className: 'PM_Inventory',
  table: 'app_pm_inventory',
  contentTypeId: 37,
  datetimeColumns: ['updated_at'],
  decimalColumns: [],
  parents: { pm_master_id: 'plan', inventory_id: 'inventory' },
  newFields: (maker) => ({
    is_pm: maker.random.chance(0.5),
    pm_engineer_id: maybe(maker, 0.5, maker.lookup('employee')),
    actual_date: maybe(maker, 0.5, day(maker, -60, 0)),
    call_number: maybe(maker, 0.3, `CALL${number(maker)}`),
  }),
  trackedChange: (maker, row) =>
    oneOf(
      maker,
      () => ({ is_pm: row.is_pm !== true }),
      () => ({
        actual_date: maybe(maker, 0.9, day(maker, -60, 0)),
        pm_engineer_id: maker.lookup('employee'),
      }),
      () => ({
        document_date: maybe(maker, 0.9, day(maker, -30, 0)),
        document_engineer_id: maker.lookup('employee'),
      }),
      () => ({ document_engineer_id: null }),
    ),
  untrackedChange: (maker) =>
    oneOf(
      maker,
      () => ({ remark: maybe(maker, 0.8, typedText(maker.random, number(maker))) }),
      () => ({ call_number: number(maker), pm_document_number: '' }),
      () => ({}),
    ),
};

export const incident: Model = {
  name: 'incident',
  className: 'Incident',
  table: 'app_incident',
  contentTypeId: 18,
  datetimeColumns: [
    'incident_datetime',
    'incident_close_datetime',
    'incident_problem_start',
    'incident_problem_end',
    'updated_at',
  ],
  decimalColumns: [],
  parents: { inventory_id: 'inventory' },
  newFields: (maker) => ({
    incident_no: `INC-W${number(maker)}`,
    incident_datetime: minute(maker, -400, 0),
    incident_problem_start: maybe(maker, 0.5, minute(maker, -420, -400)),
    incident_owner_id: maybe(maker, 0.9, maker.lookup('employee')),
    incident_severity_id: maybe(maker, 0.9, maker.lookup('severity')),
    incident_status_id: maker.random.pick([1, 2, 5]),
    incident_type_id: maybe(maker, 0.9, maker.lookup('incidentType')),
    service_type_id: maybe(maker, 0.9, maker.lookup('serviceType')),
    incident_subject: typedText(maker.random, 'เครื่องเปิดไม่ติด'),
    incident_description: maybe(
      maker,
      0.8,
      typedText(maker.random, 'ลูกค้าแจ้ง '.repeat(maker.random.between(1, 60))),
    ),
  }),
  trackedChange: (maker) =>
    oneOf(
      maker,
      () => ({ incident_status_id: maker.random.pick([1, 2, 5, 6]) }),
      () => ({ incident_status_id: 4, incident_close_datetime: maker.now.toISOString() }),
      () => ({ incident_severity_id: maybe(maker, 0.9, maker.lookup('severity')) }),
      () => ({
        incident_type_id: maker.lookup('incidentType'),
        service_type_id: maker.lookup('serviceType'),
      }),
      () => ({ incident_datetime: minute(maker, -400, 0) }),
    ),
  untrackedChange: (maker) =>
    oneOf(
      maker,
      () => ({ incident_subject: typedText(maker.random, number(maker)) }),
      () => ({ failure_type: maker.random.pick([null, '', 'Disk']) }),
      () => ({}),
    ),
};
