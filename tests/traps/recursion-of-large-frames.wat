;; Recursion without end by frames larger than a page, which must not step over the guard page.
;; trap: call stack exhausted
;; function: descend
(module
  (memory 1)
  (func $descend (param i32) (result i64)
    (i64.load offset=0 (local.get 0))
    (i64.load offset=8 (local.get 0))
    (i64.load offset=16 (local.get 0))
    (i64.load offset=24 (local.get 0))
    (i64.load offset=32 (local.get 0))
    (i64.load offset=40 (local.get 0))
    (i64.load offset=48 (local.get 0))
    (i64.load offset=56 (local.get 0))
    (i64.load offset=64 (local.get 0))
    (i64.load offset=72 (local.get 0))
    (i64.load offset=80 (local.get 0))
    (i64.load offset=88 (local.get 0))
    (i64.load offset=96 (local.get 0))
    (i64.load offset=104 (local.get 0))
    (i64.load offset=112 (local.get 0))
    (i64.load offset=120 (local.get 0))
    (i64.load offset=128 (local.get 0))
    (i64.load offset=136 (local.get 0))
    (i64.load offset=144 (local.get 0))
    (i64.load offset=152 (local.get 0))
    (i64.load offset=160 (local.get 0))
    (i64.load offset=168 (local.get 0))
    (i64.load offset=176 (local.get 0))
    (i64.load offset=184 (local.get 0))
    (i64.load offset=192 (local.get 0))
    (i64.load offset=200 (local.get 0))
    (i64.load offset=208 (local.get 0))
    (i64.load offset=216 (local.get 0))
    (i64.load offset=224 (local.get 0))
    (i64.load offset=232 (local.get 0))
    (i64.load offset=240 (local.get 0))
    (i64.load offset=248 (local.get 0))
    (i64.load offset=256 (local.get 0))
    (i64.load offset=264 (local.get 0))
    (i64.load offset=272 (local.get 0))
    (i64.load offset=280 (local.get 0))
    (i64.load offset=288 (local.get 0))
    (i64.load offset=296 (local.get 0))
    (i64.load offset=304 (local.get 0))
    (i64.load offset=312 (local.get 0))
    (i64.load offset=320 (local.get 0))
    (i64.load offset=328 (local.get 0))
    (i64.load offset=336 (local.get 0))
    (i64.load offset=344 (local.get 0))
    (i64.load offset=352 (local.get 0))
    (i64.load offset=360 (local.get 0))
    (i64.load offset=368 (local.get 0))
    (i64.load offset=376 (local.get 0))
    (i64.load offset=384 (local.get 0))
    (i64.load offset=392 (local.get 0))
    (i64.load offset=400 (local.get 0))
    (i64.load offset=408 (local.get 0))
    (i64.load offset=416 (local.get 0))
    (i64.load offset=424 (local.get 0))
    (i64.load offset=432 (local.get 0))
    (i64.load offset=440 (local.get 0))
    (i64.load offset=448 (local.get 0))
    (i64.load offset=456 (local.get 0))
    (i64.load offset=464 (local.get 0))
    (i64.load offset=472 (local.get 0))
    (i64.load offset=480 (local.get 0))
    (i64.load offset=488 (local.get 0))
    (i64.load offset=496 (local.get 0))
    (i64.load offset=504 (local.get 0))
    (i64.load offset=512 (local.get 0))
    (i64.load offset=520 (local.get 0))
    (i64.load offset=528 (local.get 0))
    (i64.load offset=536 (local.get 0))
    (i64.load offset=544 (local.get 0))
    (i64.load offset=552 (local.get 0))
    (i64.load offset=560 (local.get 0))
    (i64.load offset=568 (local.get 0))
    (i64.load offset=576 (local.get 0))
    (i64.load offset=584 (local.get 0))
    (i64.load offset=592 (local.get 0))
    (i64.load offset=600 (local.get 0))
    (i64.load offset=608 (local.get 0))
    (i64.load offset=616 (local.get 0))
    (i64.load offset=624 (local.get 0))
    (i64.load offset=632 (local.get 0))
    (i64.load offset=640 (local.get 0))
    (i64.load offset=648 (local.get 0))
    (i64.load offset=656 (local.get 0))
    (i64.load offset=664 (local.get 0))
    (i64.load offset=672 (local.get 0))
    (i64.load offset=680 (local.get 0))
    (i64.load offset=688 (local.get 0))
    (i64.load offset=696 (local.get 0))
    (i64.load offset=704 (local.get 0))
    (i64.load offset=712 (local.get 0))
    (i64.load offset=720 (local.get 0))
    (i64.load offset=728 (local.get 0))
    (i64.load offset=736 (local.get 0))
    (i64.load offset=744 (local.get 0))
    (i64.load offset=752 (local.get 0))
    (i64.load offset=760 (local.get 0))
    (i64.load offset=768 (local.get 0))
    (i64.load offset=776 (local.get 0))
    (i64.load offset=784 (local.get 0))
    (i64.load offset=792 (local.get 0))
    (i64.load offset=800 (local.get 0))
    (i64.load offset=808 (local.get 0))
    (i64.load offset=816 (local.get 0))
    (i64.load offset=824 (local.get 0))
    (i64.load offset=832 (local.get 0))
    (i64.load offset=840 (local.get 0))
    (i64.load offset=848 (local.get 0))
    (i64.load offset=856 (local.get 0))
    (i64.load offset=864 (local.get 0))
    (i64.load offset=872 (local.get 0))
    (i64.load offset=880 (local.get 0))
    (i64.load offset=888 (local.get 0))
    (i64.load offset=896 (local.get 0))
    (i64.load offset=904 (local.get 0))
    (i64.load offset=912 (local.get 0))
    (i64.load offset=920 (local.get 0))
    (i64.load offset=928 (local.get 0))
    (i64.load offset=936 (local.get 0))
    (i64.load offset=944 (local.get 0))
    (i64.load offset=952 (local.get 0))
    (i64.load offset=960 (local.get 0))
    (i64.load offset=968 (local.get 0))
    (i64.load offset=976 (local.get 0))
    (i64.load offset=984 (local.get 0))
    (i64.load offset=992 (local.get 0))
    (i64.load offset=1000 (local.get 0))
    (i64.load offset=1008 (local.get 0))
    (i64.load offset=1016 (local.get 0))
    (i64.load offset=1024 (local.get 0))
    (i64.load offset=1032 (local.get 0))
    (i64.load offset=1040 (local.get 0))
    (i64.load offset=1048 (local.get 0))
    (i64.load offset=1056 (local.get 0))
    (i64.load offset=1064 (local.get 0))
    (i64.load offset=1072 (local.get 0))
    (i64.load offset=1080 (local.get 0))
    (i64.load offset=1088 (local.get 0))
    (i64.load offset=1096 (local.get 0))
    (i64.load offset=1104 (local.get 0))
    (i64.load offset=1112 (local.get 0))
    (i64.load offset=1120 (local.get 0))
    (i64.load offset=1128 (local.get 0))
    (i64.load offset=1136 (local.get 0))
    (i64.load offset=1144 (local.get 0))
    (i64.load offset=1152 (local.get 0))
    (i64.load offset=1160 (local.get 0))
    (i64.load offset=1168 (local.get 0))
    (i64.load offset=1176 (local.get 0))
    (i64.load offset=1184 (local.get 0))
    (i64.load offset=1192 (local.get 0))
    (i64.load offset=1200 (local.get 0))
    (i64.load offset=1208 (local.get 0))
    (i64.load offset=1216 (local.get 0))
    (i64.load offset=1224 (local.get 0))
    (i64.load offset=1232 (local.get 0))
    (i64.load offset=1240 (local.get 0))
    (i64.load offset=1248 (local.get 0))
    (i64.load offset=1256 (local.get 0))
    (i64.load offset=1264 (local.get 0))
    (i64.load offset=1272 (local.get 0))
    (i64.load offset=1280 (local.get 0))
    (i64.load offset=1288 (local.get 0))
    (i64.load offset=1296 (local.get 0))
    (i64.load offset=1304 (local.get 0))
    (i64.load offset=1312 (local.get 0))
    (i64.load offset=1320 (local.get 0))
    (i64.load offset=1328 (local.get 0))
    (i64.load offset=1336 (local.get 0))
    (i64.load offset=1344 (local.get 0))
    (i64.load offset=1352 (local.get 0))
    (i64.load offset=1360 (local.get 0))
    (i64.load offset=1368 (local.get 0))
    (i64.load offset=1376 (local.get 0))
    (i64.load offset=1384 (local.get 0))
    (i64.load offset=1392 (local.get 0))
    (i64.load offset=1400 (local.get 0))
    (i64.load offset=1408 (local.get 0))
    (i64.load offset=1416 (local.get 0))
    (i64.load offset=1424 (local.get 0))
    (i64.load offset=1432 (local.get 0))
    (i64.load offset=1440 (local.get 0))
    (i64.load offset=1448 (local.get 0))
    (i64.load offset=1456 (local.get 0))
    (i64.load offset=1464 (local.get 0))
    (i64.load offset=1472 (local.get 0))
    (i64.load offset=1480 (local.get 0))
    (i64.load offset=1488 (local.get 0))
    (i64.load offset=1496 (local.get 0))
    (i64.load offset=1504 (local.get 0))
    (i64.load offset=1512 (local.get 0))
    (i64.load offset=1520 (local.get 0))
    (i64.load offset=1528 (local.get 0))
    (i64.load offset=1536 (local.get 0))
    (i64.load offset=1544 (local.get 0))
    (i64.load offset=1552 (local.get 0))
    (i64.load offset=1560 (local.get 0))
    (i64.load offset=1568 (local.get 0))
    (i64.load offset=1576 (local.get 0))
    (i64.load offset=1584 (local.get 0))
    (i64.load offset=1592 (local.get 0))
    (i64.load offset=1600 (local.get 0))
    (i64.load offset=1608 (local.get 0))
    (i64.load offset=1616 (local.get 0))
    (i64.load offset=1624 (local.get 0))
    (i64.load offset=1632 (local.get 0))
    (i64.load offset=1640 (local.get 0))
    (i64.load offset=1648 (local.get 0))
    (i64.load offset=1656 (local.get 0))
    (i64.load offset=1664 (local.get 0))
    (i64.load offset=1672 (local.get 0))
    (i64.load offset=1680 (local.get 0))
    (i64.load offset=1688 (local.get 0))
    (i64.load offset=1696 (local.get 0))
    (i64.load offset=1704 (local.get 0))
    (i64.load offset=1712 (local.get 0))
    (i64.load offset=1720 (local.get 0))
    (i64.load offset=1728 (local.get 0))
    (i64.load offset=1736 (local.get 0))
    (i64.load offset=1744 (local.get 0))
    (i64.load offset=1752 (local.get 0))
    (i64.load offset=1760 (local.get 0))
    (i64.load offset=1768 (local.get 0))
    (i64.load offset=1776 (local.get 0))
    (i64.load offset=1784 (local.get 0))
    (i64.load offset=1792 (local.get 0))
    (i64.load offset=1800 (local.get 0))
    (i64.load offset=1808 (local.get 0))
    (i64.load offset=1816 (local.get 0))
    (i64.load offset=1824 (local.get 0))
    (i64.load offset=1832 (local.get 0))
    (i64.load offset=1840 (local.get 0))
    (i64.load offset=1848 (local.get 0))
    (i64.load offset=1856 (local.get 0))
    (i64.load offset=1864 (local.get 0))
    (i64.load offset=1872 (local.get 0))
    (i64.load offset=1880 (local.get 0))
    (i64.load offset=1888 (local.get 0))
    (i64.load offset=1896 (local.get 0))
    (i64.load offset=1904 (local.get 0))
    (i64.load offset=1912 (local.get 0))
    (i64.load offset=1920 (local.get 0))
    (i64.load offset=1928 (local.get 0))
    (i64.load offset=1936 (local.get 0))
    (i64.load offset=1944 (local.get 0))
    (i64.load offset=1952 (local.get 0))
    (i64.load offset=1960 (local.get 0))
    (i64.load offset=1968 (local.get 0))
    (i64.load offset=1976 (local.get 0))
    (i64.load offset=1984 (local.get 0))
    (i64.load offset=1992 (local.get 0))
    (i64.load offset=2000 (local.get 0))
    (i64.load offset=2008 (local.get 0))
    (i64.load offset=2016 (local.get 0))
    (i64.load offset=2024 (local.get 0))
    (i64.load offset=2032 (local.get 0))
    (i64.load offset=2040 (local.get 0))
    (i64.load offset=2048 (local.get 0))
    (i64.load offset=2056 (local.get 0))
    (i64.load offset=2064 (local.get 0))
    (i64.load offset=2072 (local.get 0))
    (i64.load offset=2080 (local.get 0))
    (i64.load offset=2088 (local.get 0))
    (i64.load offset=2096 (local.get 0))
    (i64.load offset=2104 (local.get 0))
    (i64.load offset=2112 (local.get 0))
    (i64.load offset=2120 (local.get 0))
    (i64.load offset=2128 (local.get 0))
    (i64.load offset=2136 (local.get 0))
    (i64.load offset=2144 (local.get 0))
    (i64.load offset=2152 (local.get 0))
    (i64.load offset=2160 (local.get 0))
    (i64.load offset=2168 (local.get 0))
    (i64.load offset=2176 (local.get 0))
    (i64.load offset=2184 (local.get 0))
    (i64.load offset=2192 (local.get 0))
    (i64.load offset=2200 (local.get 0))
    (i64.load offset=2208 (local.get 0))
    (i64.load offset=2216 (local.get 0))
    (i64.load offset=2224 (local.get 0))
    (i64.load offset=2232 (local.get 0))
    (i64.load offset=2240 (local.get 0))
    (i64.load offset=2248 (local.get 0))
    (i64.load offset=2256 (local.get 0))
    (i64.load offset=2264 (local.get 0))
    (i64.load offset=2272 (local.get 0))
    (i64.load offset=2280 (local.get 0))
    (i64.load offset=2288 (local.get 0))
    (i64.load offset=2296 (local.get 0))
    (i64.load offset=2304 (local.get 0))
    (i64.load offset=2312 (local.get 0))
    (i64.load offset=2320 (local.get 0))
    (i64.load offset=2328 (local.get 0))
    (i64.load offset=2336 (local.get 0))
    (i64.load offset=2344 (local.get 0))
    (i64.load offset=2352 (local.get 0))
    (i64.load offset=2360 (local.get 0))
    (i64.load offset=2368 (local.get 0))
    (i64.load offset=2376 (local.get 0))
    (i64.load offset=2384 (local.get 0))
    (i64.load offset=2392 (local.get 0))
    (i64.load offset=2400 (local.get 0))
    (i64.load offset=2408 (local.get 0))
    (i64.load offset=2416 (local.get 0))
    (i64.load offset=2424 (local.get 0))
    (i64.load offset=2432 (local.get 0))
    (i64.load offset=2440 (local.get 0))
    (i64.load offset=2448 (local.get 0))
    (i64.load offset=2456 (local.get 0))
    (i64.load offset=2464 (local.get 0))
    (i64.load offset=2472 (local.get 0))
    (i64.load offset=2480 (local.get 0))
    (i64.load offset=2488 (local.get 0))
    (i64.load offset=2496 (local.get 0))
    (i64.load offset=2504 (local.get 0))
    (i64.load offset=2512 (local.get 0))
    (i64.load offset=2520 (local.get 0))
    (i64.load offset=2528 (local.get 0))
    (i64.load offset=2536 (local.get 0))
    (i64.load offset=2544 (local.get 0))
    (i64.load offset=2552 (local.get 0))
    (i64.load offset=2560 (local.get 0))
    (i64.load offset=2568 (local.get 0))
    (i64.load offset=2576 (local.get 0))
    (i64.load offset=2584 (local.get 0))
    (i64.load offset=2592 (local.get 0))
    (i64.load offset=2600 (local.get 0))
    (i64.load offset=2608 (local.get 0))
    (i64.load offset=2616 (local.get 0))
    (i64.load offset=2624 (local.get 0))
    (i64.load offset=2632 (local.get 0))
    (i64.load offset=2640 (local.get 0))
    (i64.load offset=2648 (local.get 0))
    (i64.load offset=2656 (local.get 0))
    (i64.load offset=2664 (local.get 0))
    (i64.load offset=2672 (local.get 0))
    (i64.load offset=2680 (local.get 0))
    (i64.load offset=2688 (local.get 0))
    (i64.load offset=2696 (local.get 0))
    (i64.load offset=2704 (local.get 0))
    (i64.load offset=2712 (local.get 0))
    (i64.load offset=2720 (local.get 0))
    (i64.load offset=2728 (local.get 0))
    (i64.load offset=2736 (local.get 0))
    (i64.load offset=2744 (local.get 0))
    (i64.load offset=2752 (local.get 0))
    (i64.load offset=2760 (local.get 0))
    (i64.load offset=2768 (local.get 0))
    (i64.load offset=2776 (local.get 0))
    (i64.load offset=2784 (local.get 0))
    (i64.load offset=2792 (local.get 0))
    (i64.load offset=2800 (local.get 0))
    (i64.load offset=2808 (local.get 0))
    (i64.load offset=2816 (local.get 0))
    (i64.load offset=2824 (local.get 0))
    (i64.load offset=2832 (local.get 0))
    (i64.load offset=2840 (local.get 0))
    (i64.load offset=2848 (local.get 0))
    (i64.load offset=2856 (local.get 0))
    (i64.load offset=2864 (local.get 0))
    (i64.load offset=2872 (local.get 0))
    (i64.load offset=2880 (local.get 0))
    (i64.load offset=2888 (local.get 0))
    (i64.load offset=2896 (local.get 0))
    (i64.load offset=2904 (local.get 0))
    (i64.load offset=2912 (local.get 0))
    (i64.load offset=2920 (local.get 0))
    (i64.load offset=2928 (local.get 0))
    (i64.load offset=2936 (local.get 0))
    (i64.load offset=2944 (local.get 0))
    (i64.load offset=2952 (local.get 0))
    (i64.load offset=2960 (local.get 0))
    (i64.load offset=2968 (local.get 0))
    (i64.load offset=2976 (local.get 0))
    (i64.load offset=2984 (local.get 0))
    (i64.load offset=2992 (local.get 0))
    (i64.load offset=3000 (local.get 0))
    (i64.load offset=3008 (local.get 0))
    (i64.load offset=3016 (local.get 0))
    (i64.load offset=3024 (local.get 0))
    (i64.load offset=3032 (local.get 0))
    (i64.load offset=3040 (local.get 0))
    (i64.load offset=3048 (local.get 0))
    (i64.load offset=3056 (local.get 0))
    (i64.load offset=3064 (local.get 0))
    (i64.load offset=3072 (local.get 0))
    (i64.load offset=3080 (local.get 0))
    (i64.load offset=3088 (local.get 0))
    (i64.load offset=3096 (local.get 0))
    (i64.load offset=3104 (local.get 0))
    (i64.load offset=3112 (local.get 0))
    (i64.load offset=3120 (local.get 0))
    (i64.load offset=3128 (local.get 0))
    (i64.load offset=3136 (local.get 0))
    (i64.load offset=3144 (local.get 0))
    (i64.load offset=3152 (local.get 0))
    (i64.load offset=3160 (local.get 0))
    (i64.load offset=3168 (local.get 0))
    (i64.load offset=3176 (local.get 0))
    (i64.load offset=3184 (local.get 0))
    (i64.load offset=3192 (local.get 0))
    (i64.load offset=3200 (local.get 0))
    (i64.load offset=3208 (local.get 0))
    (i64.load offset=3216 (local.get 0))
    (i64.load offset=3224 (local.get 0))
    (i64.load offset=3232 (local.get 0))
    (i64.load offset=3240 (local.get 0))
    (i64.load offset=3248 (local.get 0))
    (i64.load offset=3256 (local.get 0))
    (i64.load offset=3264 (local.get 0))
    (i64.load offset=3272 (local.get 0))
    (i64.load offset=3280 (local.get 0))
    (i64.load offset=3288 (local.get 0))
    (i64.load offset=3296 (local.get 0))
    (i64.load offset=3304 (local.get 0))
    (i64.load offset=3312 (local.get 0))
    (i64.load offset=3320 (local.get 0))
    (i64.load offset=3328 (local.get 0))
    (i64.load offset=3336 (local.get 0))
    (i64.load offset=3344 (local.get 0))
    (i64.load offset=3352 (local.get 0))
    (i64.load offset=3360 (local.get 0))
    (i64.load offset=3368 (local.get 0))
    (i64.load offset=3376 (local.get 0))
    (i64.load offset=3384 (local.get 0))
    (i64.load offset=3392 (local.get 0))
    (i64.load offset=3400 (local.get 0))
    (i64.load offset=3408 (local.get 0))
    (i64.load offset=3416 (local.get 0))
    (i64.load offset=3424 (local.get 0))
    (i64.load offset=3432 (local.get 0))
    (i64.load offset=3440 (local.get 0))
    (i64.load offset=3448 (local.get 0))
    (i64.load offset=3456 (local.get 0))
    (i64.load offset=3464 (local.get 0))
    (i64.load offset=3472 (local.get 0))
    (i64.load offset=3480 (local.get 0))
    (i64.load offset=3488 (local.get 0))
    (i64.load offset=3496 (local.get 0))
    (i64.load offset=3504 (local.get 0))
    (i64.load offset=3512 (local.get 0))
    (i64.load offset=3520 (local.get 0))
    (i64.load offset=3528 (local.get 0))
    (i64.load offset=3536 (local.get 0))
    (i64.load offset=3544 (local.get 0))
    (i64.load offset=3552 (local.get 0))
    (i64.load offset=3560 (local.get 0))
    (i64.load offset=3568 (local.get 0))
    (i64.load offset=3576 (local.get 0))
    (i64.load offset=3584 (local.get 0))
    (i64.load offset=3592 (local.get 0))
    (i64.load offset=3600 (local.get 0))
    (i64.load offset=3608 (local.get 0))
    (i64.load offset=3616 (local.get 0))
    (i64.load offset=3624 (local.get 0))
    (i64.load offset=3632 (local.get 0))
    (i64.load offset=3640 (local.get 0))
    (i64.load offset=3648 (local.get 0))
    (i64.load offset=3656 (local.get 0))
    (i64.load offset=3664 (local.get 0))
    (i64.load offset=3672 (local.get 0))
    (i64.load offset=3680 (local.get 0))
    (i64.load offset=3688 (local.get 0))
    (i64.load offset=3696 (local.get 0))
    (i64.load offset=3704 (local.get 0))
    (i64.load offset=3712 (local.get 0))
    (i64.load offset=3720 (local.get 0))
    (i64.load offset=3728 (local.get 0))
    (i64.load offset=3736 (local.get 0))
    (i64.load offset=3744 (local.get 0))
    (i64.load offset=3752 (local.get 0))
    (i64.load offset=3760 (local.get 0))
    (i64.load offset=3768 (local.get 0))
    (i64.load offset=3776 (local.get 0))
    (i64.load offset=3784 (local.get 0))
    (i64.load offset=3792 (local.get 0))
    (i64.load offset=3800 (local.get 0))
    (i64.load offset=3808 (local.get 0))
    (i64.load offset=3816 (local.get 0))
    (i64.load offset=3824 (local.get 0))
    (i64.load offset=3832 (local.get 0))
    (i64.load offset=3840 (local.get 0))
    (i64.load offset=3848 (local.get 0))
    (i64.load offset=3856 (local.get 0))
    (i64.load offset=3864 (local.get 0))
    (i64.load offset=3872 (local.get 0))
    (i64.load offset=3880 (local.get 0))
    (i64.load offset=3888 (local.get 0))
    (i64.load offset=3896 (local.get 0))
    (i64.load offset=3904 (local.get 0))
    (i64.load offset=3912 (local.get 0))
    (i64.load offset=3920 (local.get 0))
    (i64.load offset=3928 (local.get 0))
    (i64.load offset=3936 (local.get 0))
    (i64.load offset=3944 (local.get 0))
    (i64.load offset=3952 (local.get 0))
    (i64.load offset=3960 (local.get 0))
    (i64.load offset=3968 (local.get 0))
    (i64.load offset=3976 (local.get 0))
    (i64.load offset=3984 (local.get 0))
    (i64.load offset=3992 (local.get 0))
    (i64.load offset=4000 (local.get 0))
    (i64.load offset=4008 (local.get 0))
    (i64.load offset=4016 (local.get 0))
    (i64.load offset=4024 (local.get 0))
    (i64.load offset=4032 (local.get 0))
    (i64.load offset=4040 (local.get 0))
    (i64.load offset=4048 (local.get 0))
    (i64.load offset=4056 (local.get 0))
    (i64.load offset=4064 (local.get 0))
    (i64.load offset=4072 (local.get 0))
    (i64.load offset=4080 (local.get 0))
    (i64.load offset=4088 (local.get 0))
    (i64.load offset=4096 (local.get 0))
    (i64.load offset=4104 (local.get 0))
    (i64.load offset=4112 (local.get 0))
    (i64.load offset=4120 (local.get 0))
    (i64.load offset=4128 (local.get 0))
    (i64.load offset=4136 (local.get 0))
    (i64.load offset=4144 (local.get 0))
    (i64.load offset=4152 (local.get 0))
    (i64.load offset=4160 (local.get 0))
    (i64.load offset=4168 (local.get 0))
    (i64.load offset=4176 (local.get 0))
    (i64.load offset=4184 (local.get 0))
    (i64.load offset=4192 (local.get 0))
    (i64.load offset=4200 (local.get 0))
    (i64.load offset=4208 (local.get 0))
    (i64.load offset=4216 (local.get 0))
    (i64.load offset=4224 (local.get 0))
    (i64.load offset=4232 (local.get 0))
    (i64.load offset=4240 (local.get 0))
    (i64.load offset=4248 (local.get 0))
    (i64.load offset=4256 (local.get 0))
    (i64.load offset=4264 (local.get 0))
    (i64.load offset=4272 (local.get 0))
    (i64.load offset=4280 (local.get 0))
    (i64.load offset=4288 (local.get 0))
    (i64.load offset=4296 (local.get 0))
    (i64.load offset=4304 (local.get 0))
    (i64.load offset=4312 (local.get 0))
    (i64.load offset=4320 (local.get 0))
    (i64.load offset=4328 (local.get 0))
    (i64.load offset=4336 (local.get 0))
    (i64.load offset=4344 (local.get 0))
    (i64.load offset=4352 (local.get 0))
    (i64.load offset=4360 (local.get 0))
    (i64.load offset=4368 (local.get 0))
    (i64.load offset=4376 (local.get 0))
    (i64.load offset=4384 (local.get 0))
    (i64.load offset=4392 (local.get 0))
    (i64.load offset=4400 (local.get 0))
    (i64.load offset=4408 (local.get 0))
    (i64.load offset=4416 (local.get 0))
    (i64.load offset=4424 (local.get 0))
    (i64.load offset=4432 (local.get 0))
    (i64.load offset=4440 (local.get 0))
    (i64.load offset=4448 (local.get 0))
    (i64.load offset=4456 (local.get 0))
    (i64.load offset=4464 (local.get 0))
    (i64.load offset=4472 (local.get 0))
    (i64.load offset=4480 (local.get 0))
    (i64.load offset=4488 (local.get 0))
    (i64.load offset=4496 (local.get 0))
    (i64.load offset=4504 (local.get 0))
    (i64.load offset=4512 (local.get 0))
    (i64.load offset=4520 (local.get 0))
    (i64.load offset=4528 (local.get 0))
    (i64.load offset=4536 (local.get 0))
    (i64.load offset=4544 (local.get 0))
    (i64.load offset=4552 (local.get 0))
    (i64.load offset=4560 (local.get 0))
    (i64.load offset=4568 (local.get 0))
    (i64.load offset=4576 (local.get 0))
    (i64.load offset=4584 (local.get 0))
    (i64.load offset=4592 (local.get 0))
    (i64.load offset=4600 (local.get 0))
    (i64.load offset=4608 (local.get 0))
    (i64.load offset=4616 (local.get 0))
    (i64.load offset=4624 (local.get 0))
    (i64.load offset=4632 (local.get 0))
    (i64.load offset=4640 (local.get 0))
    (i64.load offset=4648 (local.get 0))
    (i64.load offset=4656 (local.get 0))
    (i64.load offset=4664 (local.get 0))
    (i64.load offset=4672 (local.get 0))
    (i64.load offset=4680 (local.get 0))
    (i64.load offset=4688 (local.get 0))
    (i64.load offset=4696 (local.get 0))
    (i64.load offset=4704 (local.get 0))
    (i64.load offset=4712 (local.get 0))
    (i64.load offset=4720 (local.get 0))
    (i64.load offset=4728 (local.get 0))
    (i64.load offset=4736 (local.get 0))
    (i64.load offset=4744 (local.get 0))
    (i64.load offset=4752 (local.get 0))
    (i64.load offset=4760 (local.get 0))
    (i64.load offset=4768 (local.get 0))
    (i64.load offset=4776 (local.get 0))
    (i64.load offset=4784 (local.get 0))
    (i64.load offset=4792 (local.get 0))
    (i64.load offset=4800 (local.get 0))
    (i64.load offset=4808 (local.get 0))
    (i64.load offset=4816 (local.get 0))
    (i64.load offset=4824 (local.get 0))
    (i64.load offset=4832 (local.get 0))
    (i64.load offset=4840 (local.get 0))
    (i64.load offset=4848 (local.get 0))
    (i64.load offset=4856 (local.get 0))
    (i64.load offset=4864 (local.get 0))
    (i64.load offset=4872 (local.get 0))
    (i64.load offset=4880 (local.get 0))
    (i64.load offset=4888 (local.get 0))
    (i64.load offset=4896 (local.get 0))
    (i64.load offset=4904 (local.get 0))
    (i64.load offset=4912 (local.get 0))
    (i64.load offset=4920 (local.get 0))
    (i64.load offset=4928 (local.get 0))
    (i64.load offset=4936 (local.get 0))
    (i64.load offset=4944 (local.get 0))
    (i64.load offset=4952 (local.get 0))
    (i64.load offset=4960 (local.get 0))
    (i64.load offset=4968 (local.get 0))
    (i64.load offset=4976 (local.get 0))
    (i64.load offset=4984 (local.get 0))
    (i64.load offset=4992 (local.get 0))
    (i64.load offset=5000 (local.get 0))
    (i64.load offset=5008 (local.get 0))
    (i64.load offset=5016 (local.get 0))
    (i64.load offset=5024 (local.get 0))
    (i64.load offset=5032 (local.get 0))
    (i64.load offset=5040 (local.get 0))
    (i64.load offset=5048 (local.get 0))
    (i64.load offset=5056 (local.get 0))
    (i64.load offset=5064 (local.get 0))
    (i64.load offset=5072 (local.get 0))
    (i64.load offset=5080 (local.get 0))
    (i64.load offset=5088 (local.get 0))
    (i64.load offset=5096 (local.get 0))
    (i64.load offset=5104 (local.get 0))
    (i64.load offset=5112 (local.get 0))
    (i64.load offset=5120 (local.get 0))
    (i64.load offset=5128 (local.get 0))
    (i64.load offset=5136 (local.get 0))
    (i64.load offset=5144 (local.get 0))
    (i64.load offset=5152 (local.get 0))
    (i64.load offset=5160 (local.get 0))
    (i64.load offset=5168 (local.get 0))
    (i64.load offset=5176 (local.get 0))
    (i64.load offset=5184 (local.get 0))
    (i64.load offset=5192 (local.get 0))
    (i64.load offset=5200 (local.get 0))
    (i64.load offset=5208 (local.get 0))
    (i64.load offset=5216 (local.get 0))
    (i64.load offset=5224 (local.get 0))
    (i64.load offset=5232 (local.get 0))
    (i64.load offset=5240 (local.get 0))
    (i64.load offset=5248 (local.get 0))
    (i64.load offset=5256 (local.get 0))
    (i64.load offset=5264 (local.get 0))
    (i64.load offset=5272 (local.get 0))
    (i64.load offset=5280 (local.get 0))
    (i64.load offset=5288 (local.get 0))
    (i64.load offset=5296 (local.get 0))
    (i64.load offset=5304 (local.get 0))
    (i64.load offset=5312 (local.get 0))
    (i64.load offset=5320 (local.get 0))
    (i64.load offset=5328 (local.get 0))
    (i64.load offset=5336 (local.get 0))
    (i64.load offset=5344 (local.get 0))
    (i64.load offset=5352 (local.get 0))
    (i64.load offset=5360 (local.get 0))
    (i64.load offset=5368 (local.get 0))
    (i64.load offset=5376 (local.get 0))
    (i64.load offset=5384 (local.get 0))
    (i64.load offset=5392 (local.get 0))
    (i64.load offset=5400 (local.get 0))
    (i64.load offset=5408 (local.get 0))
    (i64.load offset=5416 (local.get 0))
    (i64.load offset=5424 (local.get 0))
    (i64.load offset=5432 (local.get 0))
    (i64.load offset=5440 (local.get 0))
    (i64.load offset=5448 (local.get 0))
    (i64.load offset=5456 (local.get 0))
    (i64.load offset=5464 (local.get 0))
    (i64.load offset=5472 (local.get 0))
    (i64.load offset=5480 (local.get 0))
    (i64.load offset=5488 (local.get 0))
    (i64.load offset=5496 (local.get 0))
    (i64.load offset=5504 (local.get 0))
    (i64.load offset=5512 (local.get 0))
    (i64.load offset=5520 (local.get 0))
    (i64.load offset=5528 (local.get 0))
    (i64.load offset=5536 (local.get 0))
    (i64.load offset=5544 (local.get 0))
    (i64.load offset=5552 (local.get 0))
    (i64.load offset=5560 (local.get 0))
    (i64.load offset=5568 (local.get 0))
    (i64.load offset=5576 (local.get 0))
    (i64.load offset=5584 (local.get 0))
    (i64.load offset=5592 (local.get 0))
    (drop (call $descend (i32.add (local.get 0) (i32.const 1))))
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
    i64.add
  )
  (func (export "_start") (drop (call $descend (i32.const 0)))))
