<!DOCTYPE html>
<html>
<body>
</body>
