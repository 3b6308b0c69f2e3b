console.log("Hello from mewz");
for (let at = 1; at < process.argv.length; at++) {
  console.log(`argument ${at}: ${process.argv[at]}`);
}
