// Reads lines of base64 from stdin. Writes a line of JSON for each: what a server on JSON.parse
// reads, or null.
const lines = require("fs").readFileSync(0, "utf8").replace(/\n$/, "").split("\n");
const own = (object, key) => (object && typeof object === "object" && !Array.isArray(object) ? object[key] : undefined);
for (const line of lines) {
  let reading = null;
  try {
    const message = JSON.parse(Buffer.from(line, "base64").toString("utf8"));
    const several = Array.isArray(message) ? message.length : 0;
    reading = [several, own(message, "method") ?? null, own(own(message, "params"), "name") ?? null, own(message, "id") ?? null];
  } catch {}
  console.log(JSON.stringify(reading));
}
