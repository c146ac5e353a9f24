"""Takes the rows of a CSV file, keeps those that are late, and hands them on as a table."""

import csv

import tauro

task = tauro.read_input()
least = task["input"].get("least", 15)

late = 0
with open(task["input"]["path"], newline="", encoding="utf-8") as source, open("late.csv", "w", newline="") as target:
    rows = list(csv.DictReader(source))
    writer = csv.DictWriter(target, rows[0].keys())
    writer.writeheader()
    for done, row in enumerate(rows, start=1):
        if float(row["delay"] or 0) >= least:
            writer.writerow(row)
            late += 1
        tauro.progress(done / len(rows))

tauro.log(f"{late} of {len(rows)} flights are late by {least} minutes or more")
tauro.table("late.csv")
tauro.output({"late": late})
