/** Texts that end a literal, a name or a comment somewhere, and go on with something worse. */
export const INJECTIONS: readonly string[] = [
  `'; drop table canary; --`,
  `"; drop table canary; --`,
  '`; drop table canary.canary; --',
  `' or '1'='1`,
  `" or 1=1 --`,
  `x' union select usename from pg_user --`,
  `\\'; drop table canary; --`,
  `\\`,
  `'`,
  `"`,
  '`',
  `x\n; drop table canary; --`,
  `x\r\n-- x`,
  '*/ drop table canary; /*',
  '$$; drop table canary; $$',
  `$1`,
  `\${process.exit(1)}`,
  `%s %I`,
  `’; drop table canary; ‘＇`,
  `);commit;drop table canary;--`,
  `../../canary`,
  `a.b c.d`,
  `{"a": 1}`,
  `x'); select pg_sleep(100); --`,
];

/** No database can hold these. */
export const UNHOLDABLE: readonly string[] = [`x\0; drop table canary`, 'half \ud800 a character'];

/** Longer than any name may be. */
export const VERY_LONG = `x'; drop table canary; --${'x'.repeat(2_000)}`;

/** Everything at once, for where only one text is to be tried. */
export const WORST = `'"\`\\;--$1%s$$\${}/*'; drop table canary; --`;
