/** Texts that would break out of HTML, an address, SQL or a log line, or that no database holds. */
export const HOSTILE = [
  `<script>alert(1)</script>`,
  `"><img src=x onerror=alert(1)>`,
  `' or '1'='1`,
  `1; drop table etl.view_source; --`,
  `1) or true --`,
  `\${7*7}{{7*7}}`,
  `javascript:alert(1)`,
  `../../etc/passwd`,
  `%00`,
  `\u0000`,
  `\u2028\r\nSet-Cookie: x=1`,
  `𝒳\u202e`,
  `9`.repeat(40),
  `x`.repeat(6000),
];
