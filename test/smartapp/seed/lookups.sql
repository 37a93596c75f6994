-- Content types with the production ids, users, and the tables that main tables refer to.
insert into django_content_type (id, app_label, model) values
  (1, 'admin', 'logentry'), (2, 'auth', 'permission'), (3, 'auth', 'group'), (4, 'auth', 'user'),
  (5, 'contenttypes', 'contenttype'), (6, 'sessions', 'session'), (7, 'app', 'project'), (8, 'app', 'company'),
  (9, 'app', 'employee'), (10, 'app', 'brand'), (11, 'app', 'model'), (12, 'app', 'product_type'),
  (14, 'app', 'inventory'), (18, 'app', 'incident'), (19, 'app', 'incident_type'), (20, 'app', 'service_type'),
  (21, 'app', 'incident_severity'), (22, 'app', 'incident_status'), (30, 'models_logging', 'change'),
  (31, 'models_logging', 'revision'), (36, 'app', 'preventivemaintenance'), (37, 'app', 'pm_inventory');

insert into auth_user (id, username, is_active)
select n, 'user' || lpad(n::text, 3, '0'), n % 9 > 0 from generate_series(1, 40) as n;

insert into app_company (id, company_name, company_full_name, address, phone, tax_id, is_customer, updated_at)
select
  n,
  seed.typed(n, 'company', name) || ' ' || n,
  'บริษัท ' || name || ' จำกัด' || case when n % 4 = 0 then ' (มหาชน)' else '' end,
  seed.between(n, 'house', 1, 999) || seed.pick(n, 'street', array[
    ' ถนนพระราม 9 กรุงเทพฯ 10310', ' Silom Road, Bangkok', ' ถนนสุขุมวิท' || chr(10) || 'วัฒนา กรุงเทพฯ', ' หมู่ 4 ชลบุรี']),
  '02-' || seed.between(n, 'phone', 1000000, 9999999),
  case when n % 7 > 0 then '01055' || lpad(seed.between(n, 'tax', 0, 99999999)::text, 8, '0') end,
  n % 10 > 0,
  seed.saved_at(n, 'company')
from generate_series(1, seed.companies()) as n,
  seed.pick(n, 'company name', array[
    'Siam Logistics', 'ธนาคารสยามพัฒนา', 'Bangkok Medical', 'การไฟฟ้าภาคใต้', 'Chao Phraya Foods', 'มหาวิทยาลัยล้านนา',
    'Andaman Hotels', 'กรมทางหลวงชนบท', 'Isan Telecom', 'โรงพยาบาลกลาง', 'Müller & Söhne', 'Eastern Seaboard Steel']) as name;

insert into app_employee (id, employee_code, employee_name, position, email, phone, is_active, updated_at)
select
  n,
  'E' || lpad(n::text, 5, '0'),
  first_name || ' ' || last_name,
  seed.pick(n, 'position', array['Engineer', 'Senior Engineer', 'Project Manager', 'ช่างเทคนิค', 'Service Desk']),
  'employee' || n || '@example.com',
  case when n % 5 > 0 then '08' || seed.between(n, 'mobile', 10000000, 99999999) end,
  n % 12 > 0,
  seed.saved_at(n, 'employee')
from generate_series(1, seed.employees()) as n,
  seed.pick(n, 'first name', array[
    'สมชาย', 'Somying', 'ณัฐพล', 'Kanya', 'วิภา', 'Anan', 'พิมพ์ใจ', 'Arthit', 'Siobhán', 'ธีรพงษ์', 'Wichai', 'มานี']) as first_name,
  seed.pick(n, 'last name', array[
    'ใจดี', 'Srisuk', 'แก้วมณี', 'Wongsa', 'ทองคำ', 'O''Connor', 'Chaiyasit', 'บุญมี', 'Rattanakul', 'de la Cruz']) as last_name;

insert into app_brand (id, brand_name, updated_at)
select n, name || case when n > 15 then ' ' || n else '' end, seed.saved_at(n, 'brand')
from generate_series(1, seed.brands()) as n,
  cast((array['Acme', 'Borealis', 'Cirrus', 'Delta Wave', 'Everest', 'Fuji', 'ช้างไทย', 'Helix', 'Ion & Co', 'Juno', 'K"Net', 'Lumen',
    'Metro', 'Nimbus', 'Orca'])[1 + (n - 1) % 15] as text) as name;

insert into app_model (id, model_name, brand_id, updated_at)
select
  n,
  seed.typed(n, 'model', seed.pick(n, 'series', array['X', 'Pro ', 'Edge-', 'T', 'S/']) || seed.between(n, 'number', 100, 9990)),
  1 + (n - 1) % seed.brands(),
  seed.saved_at(n, 'model')
from generate_series(1, seed.models()) as n;

insert into app_product_type (id, productype_name, updated_at)
select n, name || case when n > 10 then ' ' || n else '' end, seed.saved_at(n, 'product type')
from generate_series(1, seed.product_types()) as n,
  cast((array['Server', 'Storage', 'Switch', 'Router', 'Firewall', 'UPS', 'เครื่องปรับอากาศ', 'Access Point', 'กล้องวงจรปิด',
    'Tape Library'])[1 + (n - 1) % 10] as text) as name;

insert into app_incident_type (id, incident_type_name, updated_at)
select n, name, seed.saved_at(n, 'incident type')
from unnest(array['Hardware', 'Software', 'Network', 'ไฟฟ้า', 'Request', 'Human error']) with ordinality as t (name, n);

insert into app_service_type (id, service_type_name, updated_at)
select n, name, seed.saved_at(n, 'service type')
from unnest(array['On-site', 'Remote', 'Replacement', 'ให้คำปรึกษา', 'Workshop repair']) with ordinality as t (name, n);

insert into app_incident_severity (id, severity_level, severity_name, updated_at)
select n, n, name, seed.saved_at(n, 'severity')
from unnest(array['Critical', 'High', 'Medium', 'Low']) with ordinality as t (name, n);

-- The incident view leaves out incidents with status 3.
insert into app_incident_status (id, incident_status_name, updated_at)
select n, name, seed.saved_at(n, 'status')
from unnest(array['Open', 'In progress', 'Closed', 'Resolved', 'รออะไหล่', 'Waiting for customer']) with ordinality as t (name, n);
